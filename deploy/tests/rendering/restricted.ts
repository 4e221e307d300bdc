import { containersOf, type PodTemplate } from './manifest.ts'

const volumeKinds = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
])

/** What a pod does that Pod Security "restricted", or this project beyond it, forbids. */
export function restrictedViolations(pod: PodTemplate): string[] {
  return [...podViolations(pod), ...containersOf(pod).flatMap(containerViolations)]
}

function podViolations({ spec }: PodTemplate): string[] {
  const context = spec.securityContext ?? {}
  const user = context['runAsUser']
  return [
    ...require(context['runAsNonRoot'] === true, 'runAsNonRoot'),
    ...require(typeof user === 'number' && user > 0, 'runAsUser'),
    ...require(isDefaultSeccomp(context['seccompProfile']), 'seccompProfile'),
    ...['hostNetwork', 'hostPID', 'hostIPC'].filter((key) => spec[key] !== undefined),
    ...spec.volumes
      .filter(
        (volume) => !Object.keys(volume).every((key) => key === 'name' || volumeKinds.has(key)),
      )
      .map(({ name }) => `volume ${name}`),
  ]
}

function containerViolations(container: ReturnType<typeof containersOf>[number]): string[] {
  const { name, securityContext: context = {} } = container
  return [
    ...require(context['allowPrivilegeEscalation'] === false, 'allowPrivilegeEscalation'),
    ...require(context['readOnlyRootFilesystem'] === true, 'readOnlyRootFilesystem'),
    ...require(context['privileged'] === undefined, 'privileged'),
    ...require(JSON.stringify(context['capabilities']) === '{"drop":["ALL"]}', 'capabilities'),
    ...require(container.resources.limits['memory'] !== undefined, 'memory limit'),
    ...require(container.resources.requests['cpu'] !== undefined, 'cpu request'),
    ...require(/:[\w.-]+(@sha256:[0-9a-f]{64})?$/.test(container.image), 'image tag'),
  ].map((rule) => `${name}: ${rule}`)
}

function isDefaultSeccomp(profile: unknown): boolean {
  return JSON.stringify(profile) === '{"type":"RuntimeDefault"}'
}

function require(holds: boolean, rule: string): string[] {
  return holds ? [] : [rule]
}
