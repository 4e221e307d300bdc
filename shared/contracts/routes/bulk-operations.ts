import {
  type ExistingOperation,
  operationActions,
  operationOutcomes,
  operationStatuses,
  placeOf,
  plans,
  storeStatuses,
} from '#domain'
import { z } from 'zod'
import { pageLimit, readQuery, storeFilter } from '../http-requests.ts'
import { labelKey, labelValue } from '../store-bodies.ts'

const { deleted: _, ...living } = z.enum(storeStatuses).enum

/** What every operation is asked with. */
const common = {
  filter: z
    .strictObject({
      status: z.enum(living).optional(),
      ...storeFilter,
      label: storeFilter.label.describe('Stores that have all of these labels'),
    })
    .describe('As in a list of stores; `{}` is every store of the tenant'),
  dryRun: z.boolean().optional().describe('Count the stores, and change nothing'),
  reason: z
    .string()
    .regex(/^[\x20-\x7e]{1,200}$/, 'takes 1–200 printable ASCII characters')
    .optional()
    .describe('Why; kept in the events, in the place of X-Reason'),
}

/** The body of POST /operations: the action with its parameters, and the stores. */
export const requestOperationBody = z.discriminatedUnion(
  'action',
  [
    z.strictObject({ action: z.enum(['retry', 'cancel', 'delete']), ...common }),
    z.strictObject({
      action: z.literal('upgrade'),
      plan: z.enum(plans).optional().describe('Absent: each store keeps its own'),
      ...common,
    }),
    z.strictObject({
      action: z.literal('label'),
      labels: z
        .record(labelKey, labelValue.nullable())
        .describe('Added to those the store has; null takes one away'),
      ...common,
    }),
  ],
  {
    error: ({ input }) =>
      input === undefined || input === null
        ? 'a JSON body is needed, such as {"action":"retry","filter":{"status":"failed"}}'
        : `action must be one of ${operationActions.join(', ')}`,
  },
)
export type RequestOperationBody = z.output<typeof requestOperationBody>

const time = z.iso.datetime()
const count = z.int().nonnegative()

/** An operation as the API shows it. */
const operationView = z
  .object({
    id: z.uuid(),
    tenantId: z.string(),
    action: z.enum(operationActions),
    plan: z.enum(plans).nullable(),
    labels: z.record(z.string(), z.string().nullable()).nullable(),
    filter: z.record(z.string(), z.unknown()),
    status: z.enum(operationStatuses),
    pausedBy: z
      .literal('TENANT_SUSPENDED')
      .nullable()
      .describe('Why it makes no progress; it goes on when the tenant is resumed'),
    counts: z
      .object({ stores: count, done: count, skipped: count, refused: count, left: count })
      .meta({
        id: 'OperationCounts',
        description: 'skipped: what was asked for had already happened. left: not tried yet',
      }),
    refusals: z.record(z.string(), count).describe('How many were refused, by code'),
    reason: z.string().nullable(),
    createdBy: z.string(),
    createdAt: time,
    updatedAt: time,
    endedAt: time.nullable(),
  })
  .meta({ id: 'Operation' })
export type OperationView = z.output<typeof operationView>

/** Who asked for an operation, and why; from the metadata of its first event. */
export interface OperationCause {
  createdBy: string
  reason?: string | undefined
}

/** A folded operation as the API shows it. */
export function operationViewOf(
  state: ExistingOperation,
  { createdBy, reason, updatedAt }: OperationCause & { updatedAt: string },
): OperationView {
  const { request, status, counts, refusals, endedAt } = state
  const { operationId: id, tenantId, action, plan, labels, filter, stores } = request
  return {
    id,
    tenantId,
    action,
    plan: plan ?? null,
    labels: labels ?? null,
    filter: { ...filter },
    status,
    pausedBy: null,
    counts: { stores, ...counts, left: stores - placeOf(state) },
    refusals,
    reason: reason ?? null,
    createdBy,
    createdAt: request.requestedAt,
    updatedAt,
    endedAt: endedAt ?? null,
  }
}

const operationResult = z
  .object({
    storeId: z.uuid(),
    outcome: z.enum(operationOutcomes),
    code: z.string().nullable().describe('Of a refusal: the code the same command would answer'),
  })
  .meta({ id: 'OperationResult' })

const pagination = z.object({
  limit: count,
  hasMore: z.boolean(),
  nextCursor: z.string().nullable(),
})
export const oneOperation = z.object({ operation: operationView }).meta({ id: 'OneOperation' })
export const operationPage = z
  .object({ operations: z.array(operationView), pagination })
  .meta({ id: 'OperationPage' })
export const operationResultPage = z
  .object({ results: z.array(operationResult), pagination })
  .meta({ id: 'OperationResultPage' })
export const operationDryRun = z
  .object({ dryRun: z.object({ count, sample: z.array(z.uuid()) }) })
  .meta({ id: 'OperationDryRun' })

const page = {
  limit: pageLimit,
  cursor: z.string().max(500).optional().describe('nextCursor of the previous page'),
}
export const listOperationsQuery = readQuery.extend({
  ...page,
  status: z.enum(operationStatuses).optional(),
})
export const operationResultsQuery = readQuery.extend({
  ...page,
  outcome: z.enum(operationOutcomes).optional(),
})

/** What the OpenAPI document shows. */
export const exampleOperation = {
  id: '7d0f6a52-1a5e-4d0b-8a3e-2b1f0c9d8e7f',
  tenantId: 'acme',
  action: 'retry',
  plan: null,
  labels: null,
  filter: { status: 'failed', label: { team: 'shop' } },
  status: 'running',
  pausedBy: null,
  counts: { stores: 30, done: 12, skipped: 0, refused: 1, left: 17 },
  refusals: { STORE_IN_WRONG_STATE: 1 },
  reason: 'the registry is back',
  createdBy: 'key:0f3a5c7e9b1d2f48',
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:02.000Z',
  endedAt: null,
}
