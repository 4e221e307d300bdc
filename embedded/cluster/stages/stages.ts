import { dump } from 'js-yaml'
import { faultStages } from './fault-stages.ts'
import { nodeStages } from './node-stages.ts'
import { podStages } from './pod-stages.ts'
import { volumeStages } from './volume-stages.ts'

/** kwok's configuration: all the fake node does, and the file each of its pods has as its log. */
export function kwokConfiguration(podLogFile: string): string {
  const logs = {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'ClusterLogs',
    metadata: { name: 'every-pod' },
    spec: { logs: [{ logsFile: podLogFile, previousLogsFile: podLogFile }] },
  }
  const documents = [...nodeStages, ...podStages, ...faultStages, ...volumeStages, logs]
  return documents.map((each) => dump(each)).join('---\n')
}
