import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { cacheFolder } from '../../../embedded/tools.ts'

const controlPlane = { module: join(import.meta.dirname, 'control-plane'), name: 'cluster' }

/**
 * The folder with the cluster's programs. Missing ones are built once, which takes minutes,
 * with progress on stdout. CLUSTER_BIN_DIR names a folder that is used as it is instead.
 */
export async function clusterPrograms(env: NodeJS.ProcessEnv): Promise<string> {
  const given = env['CLUSTER_BIN_DIR']
  if (given === undefined) return goPrograms(controlPlane, env)
  // Absolute: the programs are started in the cluster's own folder.
  const folder = resolve(given)
  const missing = missingPrograms(controlPlane, folder)
  if (missing.length > 0) throw new Error(`CLUSTER_BIN_DIR ${given} lacks ${missing.join(', ')}`)
  return folder
}

/** The programs that would have to be built, by name. */
export function clusterProgramsToBuild(env: NodeJS.ProcessEnv): string[] {
  if (env['CLUSTER_BIN_DIR'] !== undefined) return []
  return missingPrograms(controlPlane, goFolder(controlPlane, env))
}

const script = join(import.meta.dirname, 'build.js')
const pins = z.object({
  programs: z.array(z.object({ name: z.string() })),
  gatewayApi: z.unknown().optional(),
})

interface GoModule {
  /** Holds go.mod and go.sum, which pin every byte, and pins.json, which names the programs. */
  module: string
  /** The name of its folder in the cache, before the digest of the pins. */
  name: string
}

/** The module's folder in the user's cache. Other pins get another folder, so an older checkout keeps its own. */
export function goFolder({ module, name }: GoModule, env: NodeJS.ProcessEnv): string {
  const hash = createHash('sha256')
  for (const file of ['go.mod', 'go.sum', 'pins.json'])
    hash.update(readFileSync(join(module, file)))
  return join(cacheFolder(env), `${name}-${hash.digest('hex').slice(0, 12)}`)
}

/** The programs of the module's pins that `folder` lacks. */
export function missingPrograms({ module }: GoModule, folder: string): string[] {
  const text = readFileSync(join(module, 'pins.json'), 'utf8')
  const { programs, gatewayApi } = pins.parse(JSON.parse(text))
  const names = programs.map(({ name }) => name)
  const files = gatewayApi === undefined ? names : [...names, 'httproutes.yaml']
  return files.filter((name) => !existsSync(join(folder, name)))
}

/** The module's folder in the cache. Missing programs are built once, which takes minutes, with progress on stdout. */
export async function goPrograms(module: GoModule, env: NodeJS.ProcessEnv): Promise<string> {
  const folder = goFolder(module, env)
  if (missingPrograms(module, folder).length > 0) await build(module, folder, env)
  return folder
}

async function build({ module }: GoModule, folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(process.execPath, [script, folder, module], {
    env,
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  let problem = ''
  child.stderr.on('data', (chunk: Buffer) => (problem += chunk.toString('utf8')))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(problem.trim() || `The build of the cluster ended with ${code}`)
}
