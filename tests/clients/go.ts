import { chmod, copyFile, cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { z } from 'zod'
import { startEventStore } from '../../embedded/eventstore/start.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { cached } from './cache.ts'
import { type ClientSuite, type Counts, endedEarly, programOptions } from './suite.ts'

const ours = fileURLToPath(new URL('go', import.meta.url))
const program = fileURLToPath(new URL('../../embedded/eventstore/main.ts', import.meta.url))
const LOOK_LIMIT_MS = 30_000
/** A module is fetched and built as it is, and by the Go that is there. */
const environment = { GOWORK: 'off', GOFLAGS: '-mod=mod', GO111MODULE: 'on' }

export interface GoModule {
  path: string
  version: string
  /** The checksum of the module's files, as in a go.sum. */
  sum: string
  /** The package that has the tests. */
  package: string
  /** Files of ours that go into that package; one of the same name is replaced. */
  files: string[]
  /** A text in a file of the package, and what stands for it here. */
  replace?: { file: string; text: string; by: string }[]
  run: string
  skip: string
  whySkipped: string
}

/** The tests that a Go client has in its own module, without those that need what this server has not. */
export function goSuite(module: GoModule): ClientSuite {
  const build = async () => {
    const files = module.files.map((file) => readFile(join(ours, file), 'utf8'))
    const from = [JSON.stringify(module), process.platform, process.arch]
    return cached('clients-go', [...from, ...(await Promise.all(files))])
  }
  return {
    name: `Go ${module.path} ${module.version}`,
    whySkipped: module.whySkipped,
    lacking: async () => {
      if (await (await build()).isMade()) return []
      const { exitCode } = await go(['version'], { timeout: LOOK_LIMIT_MS })
      return exitCode === 0 ? [] : ['go is not on PATH']
    },
    isWarm: async () => (await build()).isMade(),
    run: async () => {
      const path = await (await build()).made((folder) => compile(module, folder))
      return runTests(module, path)
    },
  }
}

const downloaded = z.object({ Dir: z.string(), Sum: z.string() })

async function compile(module: GoModule, folder: string): Promise<void> {
  const { stdout, exitCode } = await go(
    ['mod', 'download', '-json', `${module.path}@${module.version}`],
    { cwd: folder },
  )
  if (exitCode !== 0) throw new Error(`go could not fetch ${module.path}: see its words above`)
  const { Dir, Sum } = downloaded.parse(JSON.parse(stdout))
  if (Sum !== module.sum)
    throw new Error(`${module.path} ${module.version} has the checksum ${Sum}, not ${module.sum}`)
  await cp(Dir, folder, { recursive: true, mode: 0 })
  const target = join(folder, module.package)
  // Files of the module cache, and their folders, cannot be written to.
  for (const path of [folder, target]) await chmod(path, 0o755)
  for (const name of ['go.mod', 'go.sum']) await chmod(join(folder, name), 0o644)
  for (const name of await readdir(target)) await chmod(join(target, name), 0o644)
  for (const file of module.files) await copyFile(join(ours, file), join(target, file))
  for (const { file, text, by } of module.replace ?? []) {
    const before = await readFile(join(target, file), 'utf8')
    if (!before.includes(text)) throw new Error(`${file} of ${module.path} lacks ${text}`)
    await writeFile(join(target, file), before.replace(text, by))
  }
  const built = await go(['test', '-c', '-o', join(target, 'tests'), `./${module.package}`], {
    cwd: folder,
  })
  if (built.exitCode !== 0) throw new Error(`go could not build the tests of ${module.path}`)
}

async function runTests(module: GoModule, folder: string): Promise<Counts> {
  await using data = await tempFolder('storewright-clients-')
  await using server = await startEventStore({ dataDir: join(data.path, 'data') })
  const cwd = join(folder, module.package)
  const args = ['-test.v', '-test.timeout=10m', '-test.run', module.run, '-test.skip', module.skip]
  const { stdout, exitCode } = await execa(join(cwd, 'tests'), args, {
    ...programOptions,
    cwd,
    env: {
      EVENT_STORE: `127.0.0.1:${server.port}`,
      EVENT_STORE_COMMAND: JSON.stringify([process.execPath, program]),
    },
  })
  return countTests(stdout, exitCode)
}

/** Counts what has no tests below it: a name of Go's that others continue is a group. */
function countTests(output: string, exitCode: number | undefined): Counts {
  const ends = [...output.matchAll(/^\s*--- (PASS|FAIL|SKIP): (\S+)/gm)]
  const names = new Set(ends.map(([, , name = '']) => name))
  const groups = new Set([...names].map((name) => name.slice(0, name.lastIndexOf('/'))))
  const counts: Counts = { passed: 0, failed: [], skipped: 0 }
  for (const [, outcome, name = ''] of ends) {
    if (groups.has(name)) continue
    if (outcome === 'PASS') counts.passed++
    else if (outcome === 'SKIP') counts.skipped++
    else counts.failed.push(name)
  }
  if (exitCode !== 0 && counts.failed.length === 0)
    counts.failed.push(`the tests ended with ${exitCode}`)
  return ends.length === 0 ? endedEarly(`the tests ended with ${exitCode}, without any`) : counts
}

async function go(args: string[], options: { cwd?: string; timeout?: number }) {
  const { stderr: _, ...rest } = programOptions
  return execa('go', args, {
    ...rest,
    stdout: 'pipe',
    stderr: 'inherit',
    ...options,
    env: environment,
  })
}
