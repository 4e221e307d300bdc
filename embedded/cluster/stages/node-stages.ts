import { setStatus, stage } from './stage.ts'

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
export const nodeStages = [
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
