import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

const sources = ['go.mod', 'go.sum', 'build.js'].map((name) => join(import.meta.dirname, name))
const files = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
  'httproutes.yaml',
]

/**
 * The folder with the cluster's programs, which are built when they are missing: minutes, once,
 * with progress on stdout. CLUSTER_BIN_DIR names a folder that is used as it is instead.
 */
export async function clusterPrograms(env: NodeJS.ProcessEnv): Promise<string> {
  const given = env['CLUSTER_BIN_DIR']
  const folder = given ?? cacheFolder(env)
  const missing = files.filter((name) => !existsSync(join(folder, name)))
  if (missing.length === 0) return folder
  if (given !== undefined) throw new Error(`CLUSTER_BIN_DIR ${given} lacks ${missing.join(', ')}`)
  await build(folder)
  return folder
}

async function build(folder: string): Promise<void> {
  const script = join(import.meta.dirname, 'build.js')
  const child = spawn(process.execPath, [script, folder], { stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error('The programs of the local cluster could not be built')
}

/** Other pins, other folder: an older checkout beside this one keeps its own programs. */
function cacheFolder(env: NodeJS.ProcessEnv): string {
  const hash = createHash('sha256')
  for (const path of sources) hash.update(readFileSync(path))
  const base = env['XDG_CACHE_HOME']
  const cache = base && isAbsolute(base) ? base : join(homedir(), '.cache')
  return join(cache, 'storewright', `cluster-${hash.digest('hex').slice(0, 12)}`)
}
