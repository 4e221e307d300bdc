import { z } from 'zod'
import {
  auditQuery,
  diffQuery,
  exportQuery,
  positionHeaders,
  readQuery,
  storeParams,
} from '../http-requests.ts'
import { eventView, failureView } from '../http-views.ts'
import { ofLog, ofOneStore, ofReadModels, type Operation } from './operation.ts'

const changes = z
  .record(z.string(), z.object({ from: z.unknown(), to: z.unknown() }))
  .describe('The fields that are not as they were, by name')

/** An event as the audit trail shows it. */
const auditEntry = z
  .object({
    id: z.uuid(),
    position: z.string(),
    time: z.iso.datetime(),
    tenantId: z.string(),
    storeId: z.uuid().nullable(),
    stream: z.string(),
    revision: z.int().nonnegative(),
    type: z.string(),
    actor: z
      .object({
        kind: z.string().describe('user, key, worker or operator'),
        id: z.string(),
        name: z.string().optional().describe('How people know the actor'),
      })
      .meta({ id: 'Actor' }),
    asOperator: z.literal(true).optional().describe('An operator acted for the tenant'),
    address: z.string().optional().describe('The network address the request came from'),
    reason: z.string().optional().describe('X-Reason of the request'),
    correlationId: z.string(),
    changes,
  })
  .meta({ id: 'AuditEntry' })
export type AuditEntry = z.output<typeof auditEntry>

const place = z
  .object({ revision: z.int().nonnegative().nullable(), time: z.iso.datetime().nullable() })
  .describe('The last event that counts; null before the store was requested')
const storeDifference = z
  .object({ storeId: z.uuid(), from: place, to: place, changes })
  .meta({ id: 'StoreDifference' })
export type StoreDifference = z.output<typeof storeDifference>

const diagnosis = z
  .object({
    storeId: z.uuid(),
    status: z.string(),
    summary: z.string().describe('What the store waits for, or why it failed'),
    since: z.iso.datetime().describe('When that began'),
    attempt: z.int().nonnegative(),
    failures: z.int().nonnegative().describe('Attempts that failed since the work was requested'),
    nextAttemptAt: z.iso.datetime().nullable(),
    failure: failureView.nullable(),
    nextAction: z
      .string()
      .nullable()
      .describe('What a person can do; null: nothing, it goes on by itself'),
    evidence: z.array(eventView).describe('The events that tell it, oldest first; the newest 20'),
  })
  .meta({ id: 'Diagnosis' })
export type Diagnosis = z.output<typeof diagnosis>

const exampleId = '4f6c1a52-7a5e-5d0b-9a3e-2b1f0c9d8e7f'
const exampleTime = '2026-01-01T00:00:00.000Z'
const exampleEntry = {
  id: '0b0f0f3e-6f0a-5a3c-8f8e-0d9f3f1f2a11',
  position: 'VIOsYim1QoFvdxl42Ilwqg',
  time: exampleTime,
  tenantId: 'acme',
  storeId: exampleId,
  stream: `store-${exampleId}`,
  revision: 3,
  type: 'UpgradeRequested',
  actor: { kind: 'key', id: '0f3a5c7e9b1d2f48', name: 'panel' },
  address: '192.0.2.7',
  reason: 'ticket 42',
  correlationId: 'trace-123',
  changes: { status: { from: 'ready', to: 'upgrading' } },
}

const ofAudit = { policy: 'read', tag: 'Audit', method: 'GET' } as const
const readHeaders = ['X-Position', 'X-Read-Lag'] as const

/** Who did what, and why a store is as it is. */
export const auditOperations = {
  listAudit: {
    ...ofAudit,
    operationId: 'listAudit',
    path: '/audit',
    anyTenant: true,
    summary: 'Who did what',
    description:
      'Every event of the tenant, also of deleted stores. Events of API keys are shown to admins. ' +
      'Without a tenant an operator gets what belongs to none: the keys of operators.',
    schema: { querystring: auditQuery, headers: positionHeaders },
    answer: {
      status: 200,
      description: 'A page of entries',
      body: z
        .object({
          entries: z.array(auditEntry),
          pagination: z.object({
            limit: z.int(),
            hasMore: z.boolean(),
            nextCursor: z.string().nullable(),
          }),
        })
        .meta({ id: 'AuditPage' }),
      headers: ['Link', ...readHeaders],
      example: {
        entries: [exampleEntry],
        pagination: { limit: 50, hasMore: false, nextCursor: null },
      },
    },
    errors: ofReadModels,
  },
  exportAudit: {
    ...ofAudit,
    operationId: 'exportAudit',
    path: '/audit/export',
    policy: 'admin',
    anyTenant: true,
    summary: 'The audit trail as a signed file',
    description:
      'One CloudEvent a line, each with a digest over the line before; the last line is signed. Two exports of one ' +
      'range are equal, byte for byte. `npm run audit:verify` checks a file.',
    schema: { querystring: exportQuery, headers: positionHeaders },
    answer: {
      status: 200,
      description: 'Lines of JSON; without its last line, which has `head`, the file is not whole',
      body: z.string(),
      mediaType: 'application/x-ndjson',
      headers: ['Content-Disposition', ...readHeaders],
      example:
        '{"digest":"4d05…","event":{"actor":"key:0f3a5c7e9b1d2f48","id":"0b0f…","type":"StoreRequested"},"line":1}\n' +
        '{"head":{"count":1,"digest":"4d05…","tenant":"acme"},"signature":"m0k1…"}\n',
    },
    errors: [...ofLog, ...ofReadModels, 'AUDIT_KEY_MISSING'],
  },
  getAuditKey: {
    ...ofAudit,
    operationId: 'getAuditKey',
    path: '/audit/key',
    anyTenant: true,
    summary: 'The public key that audit exports are signed for',
    schema: { querystring: readQuery, headers: positionHeaders },
    answer: {
      status: 200,
      description: 'The key',
      body: z
        .object({
          key: z.object({
            algorithm: z.literal('Ed25519'),
            keyId: z.string().describe('SHA-256 of the key (DER), in hex'),
            publicKey: z.string().describe('SPKI as PEM'),
          }),
        })
        .meta({ id: 'AuditKey' }),
      headers: readHeaders,
      example: {
        key: {
          algorithm: 'Ed25519',
          keyId: '7f1c…',
          publicKey: '-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----\n',
        },
      },
    },
    errors: ['AUDIT_KEY_MISSING'],
  },
  diffStore: {
    ...ofAudit,
    operationId: 'diffStore',
    path: '/stores/:id/diff',
    tag: 'History',
    summary: 'What changed of a store between two revisions or times',
    description: 'From the log itself; also after the store was deleted.',
    schema: { params: storeParams, querystring: diffQuery, headers: positionHeaders },
    answer: {
      status: 200,
      description: 'The difference',
      body: z.object({ diff: storeDifference }).meta({ id: 'OneStoreDifference' }),
      headers: readHeaders,
      example: {
        diff: {
          storeId: exampleId,
          from: { revision: 2, time: exampleTime },
          to: { revision: 3, time: exampleTime },
          changes: exampleEntry.changes,
        },
      },
    },
    errors: ofOneStore,
  },
  diagnoseStore: {
    ...ofAudit,
    operationId: 'diagnoseStore',
    path: '/stores/:id/diagnosis',
    tag: 'History',
    summary: 'What a store waits for, or why it failed',
    description: 'From the log itself, with the events that tell it and what to do next.',
    schema: { params: storeParams, querystring: readQuery, headers: positionHeaders },
    answer: {
      status: 200,
      description: 'The diagnosis',
      body: z.object({ diagnosis }).meta({ id: 'OneDiagnosis' }),
      headers: readHeaders,
      example: {
        diagnosis: {
          storeId: exampleId,
          status: 'requested',
          summary: 'Attempt 1 failed: the image cannot be pulled. The next attempt is due.',
          since: exampleTime,
          attempt: 1,
          failures: 1,
          nextAttemptAt: exampleTime,
          failure: {
            reason: 'IMAGE_PULL',
            retryable: true,
            detail: 'The image cannot be pulled',
            nextAction: 'Check the name of the image',
          },
          nextAction: 'Check the name of the image',
          evidence: [],
        },
      },
    },
    errors: ofOneStore,
  },
} as const satisfies Record<string, Operation>
