import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '#domain'
import { runSupervised, type Ended, type Permission } from './run-supervised.ts'
import { unusableFolder } from './work-folder.ts'

const OUTPUT_BYTES_MAX = 16 * 1024 * 1024

export interface HelmOptions {
  /** The program, by path or by name on PATH. */
  executable: string
  /** A folder of this process alone: helm's own files and its outputs. */
  workDir: string
  limitMs: number
  killAfterMs: number
  heartbeatTimeoutMs: number
}

export interface Helm {
  /** Runs helm once; what came out is in `stdoutFile`, which the caller removes. */
  run: (args: string[], stdoutFile: string, permission: Permission) => Promise<Ended>
  /** The version this helm says it is. Throws HELM_MISSING for a missing or unsuitable one. */
  checkVersion: () => Promise<string>
}

/** Helm as a child process: no shell, no environment but what it needs, bounded in time and output. */
export function openHelm(options: HelmOptions): Helm {
  const { executable: command, workDir, ...bounds } = options
  const env = helmEnvironment(process.env, workDir)
  const run: Helm['run'] = (args, stdoutFile, permission) => {
    const output = { stdoutFile, stdoutBytesMax: OUTPUT_BYTES_MAX }
    return runSupervised({ command, args, cwd: workDir, env, ...output, ...bounds }, permission)
  }
  return { run, checkVersion: () => checkVersion(command, workDir, run) }
}

// Helm lives for a second: collecting its garbage as a server would is a fifth of its CPU.
const collectLess = ['GOGC', '400']
const passedOn = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'SSL_CERT_FILE', 'SSL_CERT_DIR']

function helmEnvironment(env: NodeJS.ProcessEnv, workDir: string): Record<string, string> {
  const given = passedOn.flatMap((name) => {
    const value = env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  const folders = ['CACHE', 'CONFIG', 'DATA'].map((name) => [
    `HELM_${name}_HOME`,
    join(workDir, `helm-${name.toLowerCase()}`),
  ])
  return Object.fromEntries([...given, ...folders, collectLess])
}

const VERSION_LIMIT_MS = 20_000

async function checkVersion(command: string, workDir: string, run: Helm['run']): Promise<string> {
  const stdoutFile = join(workDir, `version-${process.hrtime.bigint()}`)
  const signal = AbortSignal.timeout(VERSION_LIMIT_MS)
  const deadline = process.hrtime.bigint() + BigInt(VERSION_LIMIT_MS) * 1_000_000n
  const args = ['version', '--template', '{{.Version}}']
  const ended = await run(args, stdoutFile, { signal, deadline: () => deadline })
  const version = (await readFile(stdoutFile, 'utf8').catch(() => '')).trim()
  await rm(stdoutFile, { force: true })
  if (ended.reason === 'OUTPUT_FAILED' || ended.reason === 'DISK_FULL')
    throw unusableFolder(workDir, ended.stderr)
  if (ended.code !== 0)
    throw missing(`${command} cannot be used: ${ended.stderr.trim() || ended.reason}`)
  if (!isSuitable(version)) throw missing(`${command} is ${version || 'of no known version'}`)
  return version
}

/** Helm 3, or Helm 4 from 4.1.4 on; a build without a patch number counts as its first. */
export function isSuitable(version: string): boolean {
  const [, major, minor, patch] = /^v(\d+)\.(\d+)(?:\.(\d+))?/.exec(version)?.map(Number) ?? []
  if (major === 3) return true
  if (major !== 4 || minor === undefined) return false
  return minor > 1 || (minor === 1 && (patch ?? 0) >= 4)
}

function missing(what: string): AppError {
  return new AppError('HELM_MISSING', `${what}; Helm ≥ 4.1.4 or Helm 3 is needed (HELM_BIN)`)
}
