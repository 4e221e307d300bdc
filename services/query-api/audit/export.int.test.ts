import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { z } from 'zod'
import { migrate } from '#postgres'
import { eventually } from '#test/eventually'
import { freshTenant } from '#test/http/client'
import { deletion, historian, upgraded } from '#test/http/historian'
import { queryApi } from '#test/http/query-api'
import { tempFolder } from '#test/temp-folder'
import { runVerify } from './verify.ts'

const pem = generateKeyPairSync('ed25519')
  .privateKey.export({ format: 'pem', type: 'pkcs8' })
  .toString()
const folder = await tempFolder()
const keyPath = join(folder.path, 'audit.pem')
await writeFile(keyPath, pem)
const api = await queryApi({ AUDIT_SIGNING_KEY: keyPath })
afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})
const { tenant } = api

const line = z.object({
  digest: z.string(),
  line: z.number(),
  event: z.looseObject({ id: z.string(), type: z.string(), time: z.string() }),
})

async function exportOf(parameters: Record<string, string> = {}, user = tenant) {
  const path = `/api/v1/audit/export?${new URLSearchParams(parameters).toString()}`
  const answer = await api.send('GET', path, { user })
  const lines = answer.text.split('\n').slice(0, -1)
  const events = lines.flatMap((text) => line.safeParse(JSON.parse(text)).data ?? [])
  return { ...answer, lines, events }
}

/** A time that has passed for the event store too. */
async function afterwards(): Promise<string> {
  const { storeId } = await historian(api.store, freshTenant()).requestStore()
  let last = ''
  for await (const event of api.store.readStream(`store-${storeId}`)) last = event.recordedAt
  await eventually(() => expect(Date.now()).toBeGreaterThan(Date.parse(last) + 2))
  return new Date(Date.parse(last) + 1).toISOString()
}

async function someHistory(stores = 3): Promise<string[]> {
  const ids: string[] = []
  for (let n = 0; n < stores; n++) {
    const { storeId } = await api.requestStore({ name: `Store ${n}` })
    await api.append(storeId, upgraded(), 0n)
    ids.push(storeId)
  }
  return ids
}

test('an export is intact, says everything once in the order of the log, and names no worker', async () => {
  const [first = ''] = await someHistory()
  await api.append(first, deletion(), 8n)
  await historian(api.store, freshTenant()).requestStore()
  const to = await afterwards()

  const { headers, text, events } = await exportOf({ to })

  const file = join(folder.path, 'audit.ndjson')
  const key = join(folder.path, 'key.json')
  await writeFile(file, text)
  await writeFile(key, (await api.send('GET', '/api/v1/audit/key')).text)
  expect(await runVerify([file, '--key', key])).toBe(0)
  expect(headers.get('content-type')).toBe('application/x-ndjson')
  const positions: string[] = []
  for await (const { id, metadata } of api.store.readAll())
    if (z.object({ tenantId: z.string() }).parse(metadata).tenantId === tenant) positions.push(id)
  expect(events.map(({ event }) => event.id)).toEqual(positions)
  expect(events[0]?.event).toMatchObject({
    specversion: '1.0',
    source: `urn:storewright:tenant:${tenant}`,
    type: 'StoreRequested',
    subject: `store-${first}`,
    sequence: '0',
    actor: 'user:test',
    data: { storeId: first, name: 'Store 0' },
  })
  expect(text).not.toContain('"worker":')
})

test('two exports of a range are equal byte for byte, also when others write meanwhile, and after a rebuild of Postgres', async () => {
  await someHistory()
  const to = await afterwards()
  const first = await exportOf({ to })
  await someHistory(1)
  const second = await exportOf({ to })

  await api.pauseProjector()
  await api.database.pool.query('drop schema public cascade; create schema public')
  await migrate(api.database.url)
  await api.goOnProjecting()
  const third = await exportOf({ to })

  expect(first.events.length).toBeGreaterThan(10)
  expect(second.text).toBe(first.text)
  expect(third.text).toBe(first.text)
})

test('an export that broke off at any byte continues behind its last whole line, and the pieces make the whole', async () => {
  await someHistory()
  const to = await afterwards()
  const { text } = await exportOf({ to })
  for (const cut of [1, text.indexOf('\n') + 1, Math.floor(text.length / 2), text.length - 2]) {
    const kept = text.slice(0, text.lastIndexOf('\n', cut - 1) + 1)
    const last =
      kept === '' ? undefined : line.parse(JSON.parse(kept.trimEnd().split('\n').at(-1) ?? ''))
    const behind = last && { after: String(last.line), digest: last.digest }
    const rest = await exportOf({ to, ...behind })
    expect(kept + rest.text).toBe(text)
  }
})

test('what was kept of an export is not signed unless it is what the log says', async () => {
  await someHistory(1)
  const to = await afterwards()
  const { events } = await exportOf({ to })
  const digest = 'a'.repeat(64)

  const answers = [
    await exportOf({ to, after: '2', digest }),
    await exportOf({ to, after: String(events.length + 1), digest }),
    await exportOf({ to, after: '1', digest: events[1]?.digest ?? '' }),
    await exportOf({ to, after: '1' }),
    await exportOf({ to, digest }),
  ]

  expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400])
  expect(answers[0]?.text).toContain('line 2 of this range has another digest')
})

test('ranges that follow each other have each event once', async () => {
  await someHistory(2)
  const between = await afterwards()
  await someHistory(2)
  const to = await afterwards()

  const all = await exportOf({ to })
  const early = await exportOf({ to: between })
  const late = await exportOf({ from: between, to })

  const idsOf = ({ events }: typeof all) => events.map(({ event }) => event.id)
  expect([...idsOf(early), ...idsOf(late)]).toEqual(idsOf(all))
  expect(late.events.length).toBeGreaterThan(10)
})

test('a range that is not over is refused, and a tenant without events gets a signed empty one', async () => {
  const later = new Date(Date.now() + 60_000).toISOString()
  const stranger = freshTenant()

  expect((await exportOf({ to: later })).status).toBe(400)
  const { lines } = await exportOf({}, stranger)

  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    head: { tenant: stranger, count: 0, digest: '0'.repeat(64), from: null },
  })
})

test('a client that leaves ends the reading, and no more than two exports of a tenant are made at once', async () => {
  const other = freshTenant()
  const { requestStore, append } = historian(api.store, other)
  const note = 'x'.repeat(400_000)
  for (let n = 0; n < 100; n++) {
    const { storeId } = await requestStore()
    const detail = { note }
    const now = new Date().toISOString()
    await append(
      storeId,
      [
        {
          type: 'ProvisioningStepRecorded',
          data: { attempt: 1, step: 's', detail, recordedAt: now },
        },
      ],
      0n,
    )
  }
  const open = async () => {
    const left = new AbortController()
    const { signal } = left
    const url = `${api.url}/api/v1/audit/export`
    // An answer that nobody holds is cancelled.
    const answer = await fetch(url, { headers: { 'x-user-id': other }, signal })
    return { answer, status: answer.status, leave: () => left.abort() }
  }

  const [first, second, third] = [await open(), await open(), await open()]

  expect([first.status, second.status, third.status]).toEqual([200, 200, 429])
  first.leave()
  await eventually(async () => {
    const again = await open()
    expect(again.status).toBe(200)
    again.leave()
  })
  second.leave()
})

test('without a key there are no exports, and the problem names the setting', async () => {
  await using bare = await queryApi()

  const answers = await Promise.all([
    bare.send('GET', '/api/v1/audit/export'),
    bare.send('GET', '/api/v1/audit/key'),
  ])

  for (const answer of answers)
    expect(answer).toMatchObject({
      status: 501,
      json: { code: 'AUDIT_KEY_MISSING', title: expect.stringContaining('AUDIT_SIGNING_KEY') },
    })
})

test.for([['junk'], ['/no/such/file'], [rsa()], [pem.replace(/\n.{20}/, '\n')]])(
  'a signing key that is none is refused at the start, and not quoted',
  async ([given]) => {
    const started = queryApi({ AUDIT_SIGNING_KEY: given ?? '' })

    const refusal = await started.catch((error: unknown) => String(error))
    expect(refusal).toContain('AUDIT_SIGNING_KEY')
    expect(refusal).toContain('must be an Ed25519 private key')
    expect(refusal).not.toContain((given ?? '').slice(30, 60) || 'junk')
  },
)

function rsa(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
}
