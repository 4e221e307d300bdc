import { join } from 'node:path'
import { goFolder, goPrograms, missingPrograms } from '../../binaries/go-programs.ts'
import { clusterPrograms, clusterProgramsToBuild } from '../../binaries/programs.ts'
import { debianPrograms, hasDebianPrograms, type DebianPrograms } from './debian.ts'

const kubernetes = { module: join(import.meta.dirname, 'kubernetes'), name: 'node' }
const coredns = { module: join(import.meta.dirname, 'coredns'), name: 'dns' }

export interface NodePrograms {
  /** The folder of the control plane's. */
  controlPlane: string
  /** The folder of kubelet and kube-proxy. */
  kubernetes: string
  /** The folder of coredns. */
  coredns: string
  debian: DebianPrograms
}

/** Everything a real node consists of; what is missing is fetched or built once, with progress on stdout. */
export async function nodePrograms(env: NodeJS.ProcessEnv): Promise<NodePrograms> {
  return {
    debian: await debianPrograms(env),
    controlPlane: await clusterPrograms(env),
    kubernetes: await goPrograms(kubernetes, env),
    coredns: await goPrograms(coredns, env),
  }
}

/** What of the programs is not in the cache yet, by name. */
export function notYetMade(env: NodeJS.ProcessEnv): { built: string[]; packages: boolean } {
  const ofNode = [kubernetes, coredns].flatMap((each) => missingPrograms(each, goFolder(each, env)))
  const built = [...clusterProgramsToBuild(env), ...ofNode]
  return { built, packages: !hasDebianPrograms(env) }
}
