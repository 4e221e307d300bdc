import { testMessaging } from '#test/servers/test-messaging'
import { natsWith } from '#test/servers/nats-with'
import { expect, test } from 'vitest'
import { awaitTopology } from './ensure-topology.ts'
import { ensureTopology } from './ensure-topology.ts'

const enough = 'max_memory_store: 64MB, max_file_store: 64MB'
const server = (settings: string) => ({
  configuration: `jetstream { ${settings} }`,
  user: undefined,
})
const account = (settings: string) => ({
  configuration: `jetstream { ${enough} }
    accounts { shop { users: [{ user: relay, password: pw }]${settings} } }`,
  user: 'relay:pw',
})

test.each([
  ['jetstream.max_memory_store', 'switched off', server('max_memory_store: 0')],
  ['jetstream.max_memory_store', 'too small', server('max_memory_store: 1MB')],
  ['jetstream.max_file_store', 'switched off', server('max_memory_store: 64MB, max_file_store: 0')],
  ['jetstream', 'not there', { configuration: 'max_payload: 1MB', user: undefined }],
  ['jetstream', 'off', { configuration: 'jetstream: disabled', user: undefined }],
  ['accounts.<account>.jetstream', 'not there', account('')],
  [
    'accounts.<account>.jetstream.max_mem',
    'switched off',
    account(', jetstream { max_mem: 0, max_file: 10MB }'),
  ],
  [
    'accounts.<account>.jetstream.max_mem',
    'too small',
    account(', jetstream { max_mem: 20MB, max_file: 10MB }'),
  ],
  [
    'accounts.<account>.jetstream.max_file',
    'switched off',
    account(', jetstream { max_mem: 40MB, max_file: 0 }'),
  ],
  [
    'accounts.<account>.jetstream.max_streams',
    'too low',
    account(', jetstream { max_mem: 40MB, max_file: 10MB, max_streams: 2 }'),
  ],
  [
    'accounts.<account>.jetstream.memory_max_stream_bytes',
    'too low',
    account(', jetstream { max_mem: 40MB, max_file: 10MB, memory_max_stream_bytes: 1MB }'),
  ],
  ['jetstream.max_file_store', 'too small', server('max_memory_store: 64MB, max_file_store: 7MB')],
])(
  'a NATS whose `%s` is %s is refused by that name',
  async (setting, _, { configuration, user }) => {
    await using nats = await natsWith(configuration, { user })
    await using messaging = await testMessaging(nats.url, { timings: 'none' })

    await expect(ensureTopology(messaging)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(`\`${setting}\``),
      details: { setting },
    })
  },
)

test('a user who may not do what is needed is refused with the subject', async () => {
  const permissions = '{ publish: ["evt.>"], subscribe: ["_INBOX.>"] }'
  const configuration = `jetstream { ${enough} }
    authorization { users: [{ user: relay, password: pw, permissions: ${permissions} }] }`
  await using nats = await natsWith(configuration, { user: 'relay:pw' })
  await using messaging = await testMessaging(nats.url, { timings: 'none' })

  await expect(ensureTopology(messaging)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('$JS.API.STREAM.INFO'),
  })
})

test('a service gives up at its start when NATS goes on refusing', async () => {
  await using nats = await natsWith('jetstream { max_memory_store: 0 }')
  await using messaging = await testMessaging(nats.url, { timings: 'none' })
  const { signal } = new AbortController()

  const made = awaitTopology(messaging, { signal, patienceMs: 100 })

  await expect(made).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

test('a service that starts beside a NATS without JetStream goes on when JetStream comes in time', async () => {
  await using without = await natsWith('max_payload: 1MB')
  await using messaging = await testMessaging(without.url, { timings: 'none' })
  const { signal } = new AbortController()

  const made = awaitTopology(messaging, { signal, patienceMs: 30_000 })
  await without.stop()
  await using _ = await natsWith(`jetstream { ${enough} }`, { port: without.port })

  expect(await made).toBe(true)
})

test('a service that is told to stop does not wait for JetStream', async () => {
  await using nats = await natsWith('max_payload: 1MB')
  await using messaging = await testMessaging(nats.url, { timings: 'none' })

  expect(await awaitTopology(messaging, { signal: AbortSignal.timeout(50) })).toBe(false)
})
