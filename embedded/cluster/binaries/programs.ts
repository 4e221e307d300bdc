import { resolve } from 'node:path'
import { goFolder, goPrograms, missingPrograms } from './go-programs.ts'

const controlPlane = { module: import.meta.dirname, name: 'cluster' }

/**
 * The folder with the cluster's programs, which are built when they are missing: minutes, once,
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

/** What of the programs would have to be built, by name. */
export function clusterProgramsToBuild(env: NodeJS.ProcessEnv): string[] {
  if (env['CLUSTER_BIN_DIR'] !== undefined) return []
  return missingPrograms(controlPlane, goFolder(controlPlane, env))
}
