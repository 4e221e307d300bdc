import type {
  ContainerEvidence,
  Evidence,
  PodEvidence,
  WorkloadEvidence,
} from '../../../services/provisioner/diagnosis/evidence.ts'

/** A namespace in which nothing is wrong but what is given. */
export function evidenceOf(given: Partial<Evidence> = {}): Evidence {
  return {
    takenAt: '2026-01-01T00:00:00.000Z',
    pods: [],
    workloads: [],
    pvcs: [],
    jobs: [],
    usedUp: [],
    warnings: [],
    logs: [],
    gaps: [],
    redact: (text) => text,
    ...given,
  }
}

/** A pod that should be ready and is not. */
export function podOf(given: Partial<PodEvidence> = {}): PodEvidence {
  return {
    name: 'shop-1',
    uid: 'pod-1',
    owner: { kind: 'ReplicaSet', name: 'shop' },
    phase: 'Pending',
    ready: false,
    ending: false,
    unscheduled: undefined,
    containers: [],
    ...given,
  }
}

export function containerOf(given: Partial<ContainerEvidence> = {}): ContainerEvidence {
  return {
    name: 'shop',
    image: 'shop:1',
    init: false,
    restarts: 0,
    state: 'waiting',
    reason: '',
    message: '',
    exitCode: undefined,
    last: undefined,
    ...given,
  }
}

/** A pod whose one container waits for this reason. */
export function waitingPod(
  reason: string,
  message = '',
  pod: Partial<PodEvidence> = {},
): PodEvidence {
  return podOf({ containers: [containerOf({ reason, message })], ...pod })
}

export function workloadOf(given: Partial<WorkloadEvidence> = {}): WorkloadEvidence {
  const known = { name: 'shop', uid: 'workload-1', wanted: 1, ready: 0, refusal: undefined }
  return { kind: 'Deployment', ...known, ...given }
}

/** The workload whose pods the API server refuses in these words. */
export function refusedWith(refusal: string): Evidence {
  return evidenceOf({ workloads: [workloadOf({ refusal })] })
}

export const warningOf = (uid: string, reason: string, message: string) => ({
  kind: 'Pod',
  name: 'shop-1',
  uid,
  reason,
  message,
})

/** What a pod is told in every install for a moment. */
export const unbound = 'pod has unbound immediate PersistentVolumeClaims. not found'

export const pending = { name: 'data', uid: 'pvc-1', phase: 'Pending', ageMs: 60_000 }

export const crashed = containerOf({
  reason: 'CrashLoopBackOff',
  restarts: 3,
  last: { exitCode: 1, reason: 'Error', message: '' },
})
