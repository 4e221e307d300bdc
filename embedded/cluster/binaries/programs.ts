import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { z } from 'zod'

const pinned = ['go.mod', 'go.sum', 'pins.json'].map((name) => join(import.meta.dirname, name))
const pins = z.object({ programs: z.array(z.object({ name: z.string() })) })

/**
 * The folder with the cluster's programs, which are built when they are missing: minutes, once,
 * with progress on stdout. CLUSTER_BIN_DIR names a folder that is used as it is instead.
 */
export async function clusterPrograms(env: NodeJS.ProcessEnv): Promise<string> {
  const given = env['CLUSTER_BIN_DIR']
  // Absolute: the programs are started in the cluster's own folder.
  const folder = given === undefined ? cacheFolder(env) : resolve(given)
  const missing = fileNames().filter((name) => !existsSync(join(folder, name)))
  if (missing.length === 0) return folder
  if (given !== undefined) throw new Error(`CLUSTER_BIN_DIR ${given} lacks ${missing.join(', ')}`)
  await build(folder, env)
  return folder
}

function fileNames(): string[] {
  const text = readFileSync(join(import.meta.dirname, 'pins.json'), 'utf8')
  return [...pins.parse(JSON.parse(text)).programs.map(({ name }) => name), 'httproutes.yaml']
}

async function build(folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const script = join(import.meta.dirname, 'build.js')
  const child = spawn(process.execPath, [script, folder], {
    env,
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  let problem = ''
  child.stderr.on('data', (chunk: Buffer) => (problem += chunk.toString('utf8')))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(problem.trim() || `The build of the cluster ended with ${code}`)
}

/** Other pins, other folder: an older checkout beside this one keeps its own programs. */
function cacheFolder(env: NodeJS.ProcessEnv): string {
  const hash = createHash('sha256')
  for (const path of pinned) hash.update(readFileSync(path))
  const base = env['XDG_CACHE_HOME']
  const cache = base && isAbsolute(base) ? base : join(homedir(), '.cache')
  return join(cache, 'storewright', `cluster-${hash.digest('hex').slice(0, 12)}`)
}
