import type { StoreCommand, StoreEvent } from '#domain'
import { command, history, outcomeOf } from '#test/given'
import { expect, test } from 'vitest'

const { request, claim, step, complete, uninstalled, fail, retry, cancel, upgrade } = command

// Every claim of these stores is `mine`; `theirs` is another worker's.
const stores = {
  absent: [],
  requested: history(request),
  provisioning: history(request, claim('mine')),
  ready: history(request, claim('mine'), complete('mine')),
  'upgrading, unclaimed': history(request, claim('old'), complete('old'), upgrade()),
  'upgrading, claimed': history(request, claim('old'), complete('old'), upgrade(), claim('mine')),
  'upgrade-failed': history(
    request,
    claim('old'),
    complete('old'),
    upgrade(),
    claim('mine'),
    fail('mine', { retryable: false }),
  ),
  'deleting, upgrade claimed': history(
    request,
    claim('old'),
    complete('old'),
    upgrade(),
    claim('mine'),
    command.delete,
  ),
  failed: history(request, claim('mine'), fail('mine', { retryable: false })),
  'cancelling, install claimed': history(request, claim('mine'), cancel),
  'cancelling, removal claimed': history(
    request,
    claim('old'),
    cancel,
    claim('mine', { takesOver: 'old' }),
  ),
  'deleting, unclaimed': history(request, command.delete),
  'deleting, install claimed': history(request, claim('mine'), command.delete),
  'deleting, removal claimed': history(request, command.delete, claim('mine')),
  deleted: history(request, command.delete, claim('mine'), uninstalled('mine')),
} satisfies Record<string, StoreEvent[]>

const commands = {
  RequestStore: request,
  'ClaimStore mine': claim('mine'),
  'ClaimStore theirs': claim('theirs'),
  'ClaimStore theirs, taking over': claim('theirs', { takesOver: 'mine' }),
  RecordStep: step('mine'),
  CompleteProvisioning: complete('mine'),
  CompleteUninstall: uninstalled('mine'),
  FailAttempt: fail('mine'),
  'FailAttempt theirs': fail('theirs'),
  RequestRetry: retry,
  RequestCancel: cancel,
  RequestDeletion: command.delete,
  RequestUpgrade: upgrade(),
} satisfies Record<string, StoreCommand>

const started = 'ProvisioningStarted'
const recorded = 'ProvisioningStepRecorded'
const attemptFailed = 'ProvisioningAttemptFailed'
const deletion = 'DeletionRequested'

// In the order of `commands`.
const expected: Record<keyof typeof stores, string[]> = {
  absent: [
    'StoreRequested',
    ...many(3, 'NOTHING_TO_PROVISION'),
    ...many(5, 'CLAIM_LOST'),
    ...many(4, 'STORE_NOT_FOUND'),
  ],
  requested: [
    'nothing',
    ...many(3, started),
    ...many(5, 'CLAIM_LOST'),
    'nothing',
    'CancelRequested StoreFailed',
    deletion,
    'STORE_IN_WRONG_STATE',
  ],
  provisioning: [
    'nothing',
    'nothing',
    'CLAIM_HELD',
    started,
    recorded,
    'StoreProvisioned',
    'CLAIM_LOST',
    attemptFailed,
    'CLAIM_LOST',
    'nothing',
    'CancelRequested',
    deletion,
    'STORE_IN_WRONG_STATE',
  ],
  ready: [
    'nothing',
    ...many(3, 'NOTHING_TO_PROVISION'),
    ...many(5, 'CLAIM_LOST'),
    ...many(2, 'STORE_IN_WRONG_STATE'),
    deletion,
    'UpgradeRequested',
  ],
  'upgrading, unclaimed': [
    'nothing',
    ...many(3, started),
    ...many(5, 'CLAIM_LOST'),
    'nothing',
    'STORE_IN_WRONG_STATE',
    deletion,
    'STORE_IN_WRONG_STATE',
  ],
  'upgrading, claimed': [
    'nothing',
    'nothing',
    'CLAIM_HELD',
    started,
    recorded,
    'StoreProvisioned',
    'CLAIM_LOST',
    attemptFailed,
    'CLAIM_LOST',
    'nothing',
    'STORE_IN_WRONG_STATE',
    deletion,
    'STORE_IN_WRONG_STATE',
  ],
  'upgrade-failed': [
    'nothing',
    ...many(3, 'NOTHING_TO_PROVISION'),
    ...many(5, 'CLAIM_LOST'),
    'RetryRequested',
    'STORE_IN_WRONG_STATE',
    deletion,
    'UpgradeRequested',
  ],
  'deleting, upgrade claimed': [
    'nothing',
    'nothing',
    'CLAIM_HELD',
    started,
    recorded,
    ...many(4, 'CLAIM_LOST'),
    ...many(2, 'STORE_IN_WRONG_STATE'),
    'nothing',
    'STORE_IN_WRONG_STATE',
  ],
  failed: [
    'nothing',
    ...many(3, 'NOTHING_TO_PROVISION'),
    ...many(5, 'CLAIM_LOST'),
    'RetryRequested',
    'STORE_IN_WRONG_STATE',
    deletion,
    'STORE_IN_WRONG_STATE',
  ],
  'cancelling, install claimed': [
    'nothing',
    'nothing',
    'CLAIM_HELD',
    started,
    recorded,
    ...many(4, 'CLAIM_LOST'),
    'STORE_IN_WRONG_STATE',
    'nothing',
    deletion,
    'STORE_IN_WRONG_STATE',
  ],
  'cancelling, removal claimed': [
    'nothing',
    'nothing',
    'CLAIM_HELD',
    started,
    recorded,
    'CLAIM_LOST',
    'StoreFailed',
    attemptFailed,
    'CLAIM_LOST',
    'STORE_IN_WRONG_STATE',
    'nothing',
    deletion,
    'STORE_IN_WRONG_STATE',
  ],
  'deleting, unclaimed': [
    'nothing',
    ...many(3, started),
    ...many(5, 'CLAIM_LOST'),
    ...many(2, 'STORE_IN_WRONG_STATE'),
    'nothing',
    'STORE_IN_WRONG_STATE',
  ],
  'deleting, install claimed': [
    'nothing',
    'nothing',
    'CLAIM_HELD',
    started,
    recorded,
    ...many(4, 'CLAIM_LOST'),
    ...many(2, 'STORE_IN_WRONG_STATE'),
    'nothing',
    'STORE_IN_WRONG_STATE',
  ],
  'deleting, removal claimed': [
    'nothing',
    'nothing',
    'CLAIM_HELD',
    started,
    recorded,
    'CLAIM_LOST',
    'StoreDeleted',
    attemptFailed,
    'CLAIM_LOST',
    ...many(2, 'STORE_IN_WRONG_STATE'),
    'nothing',
    'STORE_IN_WRONG_STATE',
  ],
  deleted: [
    'nothing',
    ...many(3, 'NOTHING_TO_PROVISION'),
    ...many(5, 'CLAIM_LOST'),
    ...many(4, 'STORE_DELETED'),
  ],
}

test.each(Object.entries(stores))('each command to a store that is %s', (name, events) => {
  const outcomes = Object.entries(commands).map(([sent, next]) => [sent, outcomeOf(events, next)])
  const wanted = Object.entries(expected).find(([of]) => of === name)?.[1]
  expect(outcomes).toEqual(Object.keys(commands).map((sent, index) => [sent, wanted?.[index]]))
})

function many(times: number, outcome: string): string[] {
  return Array.from({ length: times }, () => outcome)
}
