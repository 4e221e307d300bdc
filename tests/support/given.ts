import {
  AppError,
  store,
  type ClaimStore,
  type Decider,
  type Failure,
  type Plan,
  type StoreChanges,
  type StoreCommand,
  type StoreEvent,
} from '#domain'

/** given(…events).when(command): what a decider says to a command after these events. */
export function given<State, Command, Event>(
  decider: Decider<State, Command, Event>,
  ...events: Event[]
) {
  const state = events.reduce(decider.evolve, decider.initialState())
  return { state, when: (command: Command): Event[] => decider.decide(state, command) }
}

/** The types of the events a command causes, `nothing`, or the code of its refusal. */
export function outcomeOf(events: StoreEvent[], command: StoreCommand): string {
  try {
    const caused = given(store, ...events).when(command)
    return caused.map(({ type }) => type).join(' ') || 'nothing'
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw error
  }
}

const storeId = '3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11'
export const at = (second: number): string =>
  new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()

const request = {
  storeId,
  tenantId: 'demo',
  name: 'Test Store',
  engine: 'woocommerce',
  plan: 'small',
  fingerprint: 'f1',
} as const

const failure: Failure = {
  reason: 'HELM_FAILED',
  retryable: true,
  detail: 'helm exited with 1',
  nextAction: 'Fix the chart',
}

/** Commands with fixed contents. */
export const command = {
  request: { type: 'RequestStore', ...request, now: at(0) },
  claim: (claimId: string, more: Partial<ClaimStore> = {}) => ({
    type: 'ClaimStore' as const,
    worker: `worker of ${claimId}`,
    claimId,
    valuesDigest: 'v',
    chartDigest: 'c',
    now: at(1),
    ...more,
  }),
  step: (claimId: string) => ({
    type: 'RecordStep' as const,
    claimId,
    step: 'install',
    detail: { exitCode: 0 },
    now: at(2),
  }),
  complete: (claimId: string) => ({
    type: 'CompleteProvisioning' as const,
    claimId,
    release: 's-x',
    namespace: 's-x',
    url: 'https://x',
    chart: 'woocommerce',
    chartVersion: '0.1.0',
    chartDigest: 'c',
    valuesDigest: 'v',
    adopted: false,
    now: at(3),
  }),
  uninstalled: (claimId: string) => ({
    type: 'CompleteUninstall' as const,
    claimId,
    removed: ['Deployment/x'],
    now: at(3),
  }),
  fail: (claimId: string, more: Partial<Failure> = {}) => ({
    type: 'FailAttempt' as const,
    claimId,
    failure: { ...failure, ...more },
    retryDelaysMs: [5_000, 30_000],
    now: at(3),
  }),
  retry: { type: 'RequestRetry', now: at(4) },
  upgrade: (plan?: Plan) => ({
    type: 'RequestUpgrade' as const,
    plan,
    fingerprint: 'f2',
    now: at(4),
  }),
  change: (changes: StoreChanges) => ({
    type: 'RequestChange' as const,
    changes,
    fingerprint: 'f3',
    now: at(4),
  }),
  cancel: { type: 'RequestCancel', now: at(4) },
  delete: { type: 'RequestDeletion', now: at(4) },
} as const

/** The events of a store to which these commands were sent one after the other. */
export function history(...commands: StoreCommand[]): StoreEvent[] {
  return commands.reduce<StoreEvent[]>(
    (events, next) => [...events, ...given(store, ...events).when(next)],
    [],
  )
}
