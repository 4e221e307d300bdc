import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { commandHeaders, operations } from '#contracts'
import { createLogger } from '#observability'
import { buildServer } from '../build-server.ts'
import { openApiDocument } from './document.ts'

const told = z.looseObject({
  operationId: z.string(),
  parameters: z.array(z.looseObject({})),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  responses: z.record(z.string(), z.looseObject({ content: z.looseObject({}).optional() })),
})
const document = z
  .looseObject({ paths: z.record(z.string(), z.record(z.string(), told)) })
  .parse(openApiDocument())
const all = Object.values(document.paths).flatMap((methods) => Object.values(methods))
const logger = createLogger({ service: 'test', level: 'silent' })

test('the document tells of every operation by its name and the role it needs', () => {
  const roles = Object.fromEntries(
    all.map(({ operationId, security }) => [operationId, security[0]?.['bearer']?.[0]]),
  )

  expect(roles).toEqual(
    Object.fromEntries(
      Object.values(operations).map(({ operationId, policy }) => [operationId, policy]),
    ),
  )
})

test('an operation lists the codes it can fail with by status, and no others', () => {
  const codes = codesOf('upgradeStore')

  expect(codes).toMatchObject({
    400: ['REQUEST_INVALID'],
    401: ['UNAUTHENTICATED'],
    412: ['PRECONDITION_FAILED'],
    422: ['IDEMPOTENCY_KEY_REUSED', 'PLAN_TOO_SMALL'],
  })
  expect(JSON.stringify(codesOf('listStores'))).not.toContain('PLAN_TOO_SMALL')
  expect(JSON.stringify(all)).not.toContain('HELM_FAILED')
})

test('numbers in a query are told as whole numbers with their bounds', () => {
  const { parameters } = operationOf('listStores')

  expect(parameters).toContainEqual({
    in: 'query',
    name: 'limit',
    schema: { type: 'integer', minimum: 1, maximum: 100, default: 50 },
  })
})

test.for([
  ['Idempotency-Key', 'order-4711', true],
  ['Idempotency-Key', '"two words, \\" and \\\\"', true],
  ['Idempotency-Key', 'two words', false],
  ['Idempotency-Key', '', false],
  ['Idempotency-Key', `"${'k'.repeat(256)}"`, false],
  ['If-Match', '*', true],
  ['If-Match', '"3"', true],
  ['If-Match', ', W/"3" ,,"a,b"\t', true],
  ['If-Match', '3', false],
  ['If-Match', '"3" "4"', false],
  ['If-Match', ' , ', false],
  ['If-Match', '*, "3"', false],
] as const)('%s: %s is told to be what it is checked to be: %s', ([name, value, isTaken]) => {
  const { parameters } = operationOf('deleteStore')
  const pattern = z
    .object({ schema: z.object({ pattern: z.string() }) })
    .parse(parameters.find((one) => one['name'] === name)).schema.pattern
  const { success } = commandHeaders.safeParse({ [name.toLowerCase()]: value })

  expect([new RegExp(pattern, 'u').test(value), success]).toEqual([isTaken, isTaken])
})

test('a correlation id is told to be any text, as a strange one is replaced and not refused', () => {
  const { components } = z
    .looseObject({ components: z.looseObject({ parameters: z.looseObject({}) }) })
    .parse(openApiDocument())

  expect(components.parameters['CorrelationId']).toMatchObject({ schema: { type: 'string' } })
  expect(JSON.stringify(components.parameters['CorrelationId'])).not.toContain('pattern')
})

test('no pattern of the document needs classes of characters by what they are not', () => {
  expect(JSON.stringify(document)).not.toContain(String.raw`\\P{`)
})

test('the stream is told as a stream of its events', () => {
  const { responses } = operationOf('streamStores')

  expect(responses['200']?.content).toMatchObject({
    'text/event-stream': {
      schema: { contentSchema: { $ref: '#/components/schemas/StreamEvent' } },
    },
  })
})

test('clients/openapi.json is the document that every service serves', async () => {
  const file = await readFile(new URL('../../../clients/openapi.json', import.meta.url), 'utf8')

  await using served = buildServer({ service: 'any', logger })
  const { headers, body } = await served.inject('/openapi.json')

  expect(headers['content-type']).toBe('application/json; charset=utf-8')
  expect(JSON.parse(body)).toEqual(JSON.parse(file))
})

test('/docs and all it loads come from the service itself', async () => {
  await using served = buildServer({ service: 'any', logger })
  const page = await served.inject('/docs')
  const loaded = [...page.body.matchAll(/(?:src|href)="(?!data:)([^"]+)"/g)].map(
    ([, url = '']) => url,
  )

  expect(page.headers['content-security-policy']).toMatch(/default-src 'none';script-src 'self';/)
  expect(page.body).not.toMatch(/https?:|<script>/)
  expect(loaded).toHaveLength(3)
  for (const url of loaded) {
    const { statusCode, body } = await served.inject(url)
    expect([url, statusCode, body.length > 50]).toEqual([url, 200, true])
  }
})

test('behind a path that a proxy takes away, the page and the document lead there', async () => {
  const publicUrl = 'https://example.com/storewright'
  await using served = buildServer({ service: 'any', logger, publicUrl })
  const page = await served.inject('/docs')
  const start = await served.inject('/docs/start.js')
  const { servers } = (await served.inject('/openapi.json')).json()

  const loaded = [...page.body.matchAll(/(?:src|href)="(?!data:)([^"]+)"/g)].map(([, url]) => url)
  expect(loaded).toEqual(loaded.map(() => expect.stringMatching(/^\/storewright\/docs\//)))
  expect(start.body).toContain("url: '/storewright/openapi.json'")
  expect(servers).toMatchObject([{ url: '/storewright' }])
})

function operationOf(operationId: string) {
  const found = all.find((one) => one.operationId === operationId)
  if (found === undefined) throw new Error(`${operationId} is not in the document`)
  return found
}

function codesOf(operationId: string): Record<string, unknown> {
  const { responses } = operationOf(operationId)
  const enums = Object.entries(responses).map(([status, { content }]) => [
    status,
    /"code":\{"enum":(\[[^\]]*\])/.exec(JSON.stringify(content ?? {}))?.[1] ?? 'null',
  ])
  return Object.fromEntries(enums.map(([status = '', codes = '']) => [status, JSON.parse(codes)]))
}

test('what was made is linked with everything that can be done with it', () => {
  const links = (operationId: string, status: string) =>
    z
      .record(z.string(), z.looseObject({ links: z.record(z.string(), z.unknown()).optional() }))
      .parse(operationOf(operationId).responses)[status]?.links

  expect(Object.keys(links('createStore', '202') ?? {})).toEqual(
    Object.values(operations).flatMap(({ path, operationId }) =>
      path.startsWith('/stores/:id') ? [operationId] : [],
    ),
  )
  expect(links('createKey', '201')).toEqual({
    revokeKey: { operationId: 'revokeKey', parameters: { id: '$response.body#/key/id' } },
  })
  expect(links('deleteStore', '202')).toBeUndefined()
})
