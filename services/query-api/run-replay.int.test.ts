import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { openEventStore } from '#eventstore'
import { deletion, historian } from '#test/http/historian'
import { testEventStore } from '#test/servers/test-eventstore'

const events = await testEventStore()
const store = openEventStore({ connectionString: events.url, timeoutMs: 20_000 })
const write = historian(store, 'acme')
afterAll(async () => {
  void store.close()
  await events[Symbol.asyncDispose]()
})

const program = new URL('./replay.ts', import.meta.url).pathname
const replay = (args: string[], env: Record<string, string> = { EVENTSTORE_URL: events.url }) =>
  promisify(execFile)(process.execPath, [program, ...args], { env }).then(
    ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
      code,
      stdout,
      stderr,
    }),
  )

test('a history is printed as a timeline, also after the deletion', async () => {
  const { storeId } = await write.requestStore({ name: 'Shop' })
  await write.append(storeId, deletion(), 0n)

  const { stdout } = await replay(['--store', storeId.toUpperCase()])

  const [heading, , ...lines] = stdout.trimEnd().split('\n')
  expect(heading).toBe(`Shop (woocommerce, small) of tenant acme, store ${storeId}`)
  expect(lines).toEqual([
    expect.stringMatching(/^ {2}0 .* StoreRequested .*→ requested .*user:test/),
    expect.stringMatching(/^ {2}1 .*\+\d+\.\d{3} s .*DeletionRequested .*→ deleting/),
    expect.stringMatching(/^ {2}2 .*StoreDeleted .*→ deleted .*removed=\["Release\/s-x"\]$/),
    '',
    'Now deleted',
  ])
})

test('a failed store’s timeline ends with what to do', async () => {
  const { storeId } = await write.requestStore()
  const failure = { reason: 'CHART_INVALID', retryable: false, detail: 'No chart' } as const
  const data = { attempt: 1, ...failure, nextAction: 'Fix it', failedAt: '2026-01-01T00:00:00Z' }
  await write.append(storeId, [{ type: 'StoreFailed', data }], 0n)

  const { stdout } = await replay(['--store', storeId])

  expect(stdout).toContain('\nFailed: No chart. Fix it\n')
})

test('a history is printed as NDJSON with all that is stored', async () => {
  const { storeId } = await write.requestStore()

  const { stdout } = await replay(['--store', storeId, '--ndjson'])

  expect(JSON.parse(stdout)).toMatchObject({
    stream: `store-${storeId}`,
    revision: 0,
    type: 'StoreRequested',
    data: { storeId, fingerprint: 'f' },
    metadata: { actor: 'user:test', tenantId: 'acme' },
  })
})

test('a store that never was, and an address that is missing, are one sentence and code 1', async () => {
  const id = randomUUID()

  expect(await replay(['--store', id])).toEqual({
    code: 1,
    stdout: '',
    stderr: `The event log has no store ${id}\n`,
  })
  const lost = await replay(['--store', id], {})
  expect(lost).toMatchObject({ code: 1, stderr: expect.stringContaining('EVENTSTORE_URL') })
})
