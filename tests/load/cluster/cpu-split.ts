import { cpuOf } from '../request-to-ready/cpu-of.ts'
import { cpuTimes, livingChildren } from '../request-to-ready/cpu-times.ts'

interface Processes {
  /** The control plane's components by name. */
  cluster: Record<string, number>
  provisioner: number
  /** The event store's and the bus's. */
  dependencies: Record<string, number>
}

/** Milliseconds of CPU by who used them. */
export interface CpuSplit {
  helm: number
  'API server': number
  'rest of the cluster': number
  provisioner: number
  'event store, NATS': number
}

/** What has been used so far. Helm is what the provisioner's supervisors have waited for. */
export async function cpuSplit({
  cluster,
  provisioner,
  dependencies,
}: Processes): Promise<CpuSplit> {
  const { 'kube-apiserver': apiServer = Number.NaN, ...others } = await cpuOf(cluster)
  const supervisors = (await livingChildren()).get(provisioner) ?? []
  const family = await Promise.all([provisioner, ...supervisors].map(cpuTimes))
  const known = family.filter(({ own }) => !Number.isNaN(own))
  return {
    helm: sum(known.map(({ endedChildren }) => endedChildren)),
    'API server': apiServer,
    'rest of the cluster': sum(Object.values(others)),
    provisioner: sum(known.map(({ own }) => own)),
    'event store, NATS': sum(Object.values(await cpuOf(dependencies))),
  }
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0)
