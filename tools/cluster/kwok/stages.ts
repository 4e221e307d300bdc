import { dump } from 'js-yaml'
import { faultStages } from './faults.ts'
import { podStages } from './pods.ts'
import { setStatus, stage } from './stage.ts'
import { volumeStages } from './volumes.ts'

/** kwok's configuration: what the fake node does, and the log file of its pods. */
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

const conditions = `
conditions:
{{ range NodeConditions }}
- type: {{ .type | Quote }}
  status: {{ .status | Quote }}
  reason: {{ .reason | Quote }}
  message: {{ .message | Quote }}
  lastHeartbeatTime: {{ Now | Quote }}
  lastTransitionTime: {{ Now | Quote }}
{{ end }}`

const resources = '{ cpu: "64", memory: 256Gi, pods: "5000", ephemeral-storage: 1Ti }'

/** The fake node is ready as soon as it exists; nothing looks at its heartbeat. */
const nodeStages = [
  stage({
    name: 'node-ready',
    kind: 'Node',
    when: [
      {
        key: '.status.conditions.[] | select(.type == "Ready") | .status',
        operator: 'NotIn',
        values: ['True'],
      },
    ],
    steps: [
      setStatus(`
${conditions}
addresses:
- { type: InternalIP, address: {{ NodeIP | Quote }} }
- { type: Hostname, address: {{ .metadata.name | Quote }} }
allocatable: ${resources}
capacity: ${resources}
nodeInfo:
  architecture: amd64
  bootID: ""
  containerRuntimeVersion: kwok
  kernelVersion: kwok
  kubeProxyVersion: ""
  kubeletVersion: kwok
  machineID: ""
  operatingSystem: linux
  osImage: kwok
  systemUUID: ""
phase: Running`),
    ],
  }),
]
