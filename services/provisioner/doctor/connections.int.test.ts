import { expect, test } from 'vitest'
import { connectMessaging, ensureTopology } from '#messaging'
import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { eventStoreCluster } from '#test/servers/eventstore-cluster'
import { natsWith } from '#test/servers/nats-with'
import { testEventStore } from '#test/servers/test-eventstore'
import { testNats } from '#test/servers/test-nats'
import { officialClient } from '#test/servers/official-client'
import { freePort } from '../../../embedded/processes/free-port.ts'
import type { Check } from './report.ts'
import { runDoctor } from './run-doctor.ts'

const NOBODY = '127.0.0.1:1'

test('an event store and a NATS that are as they must be: exit code 0, and what they are', async () => {
  await using es = await testEventStore()
  await using nats = await testNats()
  await makeTopology(nats.url)

  const { exitCode, stdout } = await doctor({ EVENTSTORE_URL: es.url, NATS_URL: nats.url })

  const { host } = new URL(es.url)
  expect(stdout).toContain(`ok       event store: ${host} answers: version 23.10.8, leader, in `)
  expect(stdout).toContain(`ok       event store: the leader is ${host}.`)
  expect(stdout).toContain('ok       event store: `$all` can be read.')
  expect(stdout).toContain('ok       event store: appends are allowed')
  expect(stdout).toMatch(/ok {7}event store: the clock of \S+ differs by 0\.\d s\./)
  expect(stdout).toMatch(/ok {7}NATS: \S+ answers: nats-server 2\.\d+/)
  expect(stdout).toContain('ok       NATS: KV_LEASES has 1 replica')
  expect(stdout).toMatch(/ok {7}NATS: the clock of the server differs by 0\.\d s\./)
  expect(stdout).toContain('warning  NATS: how often it syncs to disk is not told to a client')
  expect(stdout).toMatch(/\n0 faults\.\n$/)
  expect(exitCode).toBe(0)
})

test('it leaves nothing behind, neither events nor streams', async () => {
  await using es = await officialClient()
  await using nats = await testNats()
  const before = await es.lastPosition()

  const { exitCode, checks } = await doctor({ EVENTSTORE_URL: es.server.url, NATS_URL: nats.url })

  expect(sentences(checks, 'ok')).toContainEqual(expect.stringContaining('not there yet'))
  expect(exitCode).toBe(0)
  expect(await es.lastPosition()).toBe(before)
  const manager = await nats.connection.jetstreamManager()
  expect(await manager.streams.names().next()).toEqual([])
})

test('hosts that nobody can reach are faults with what to do, and no password is shown', async () => {
  const { exitCode, stdout, json, checks } = await doctor({
    EVENTSTORE_URL: `esdb://storewright:s%40cret-1@${NOBODY}?tls=false`,
    NATS_URL: `nats://storewright:s%40cret-2@${NOBODY}`,
  })

  expect(sentences(checks, 'wrong')).toEqual([
    expect.stringMatching(/^event store: 127.0.0.1:1 does not answer: .*ECONNREFUSED/),
    expect.stringContaining('`$all` cannot be read'),
    expect.stringContaining('appends are not possible'),
    expect.stringMatching(/^NATS: 127.0.0.1:1 cannot be used: .*CONNECTION_REFUSED/),
  ])
  expect(checks.every(({ status, nextAction }) => status === 'ok' || nextAction)).toBe(true)
  expect(stdout + json).not.toMatch(/cret-/)
  expect(exitCode).toBe(1)
})

test('servers that are frozen are given up after a while', async () => {
  await using es = await testEventStore()
  await using nats = await testNats()
  es.freeze()
  nats.freeze()
  try {
    const { checks } = await doctor({ EVENTSTORE_URL: es.url, NATS_URL: nats.url })
    expect(sentences(checks, 'wrong')).toContainEqual(
      expect.stringContaining('does not answer: no answer within 5 s'),
    )
    expect(sentences(checks, 'wrong')).toContainEqual(expect.stringContaining('cannot be used'))
  } finally {
    es.thaw()
    nats.thaw()
  }
})

test('of a cluster it names members, leader, and who is away', async () => {
  await using cluster = await eventStoreCluster()
  await using nats = await testNats()
  const addresses = { EVENTSTORE_URL: cluster.url, NATS_URL: nats.url }

  const whole = await doctor(addresses)
  cluster.kill(2)
  const without = await doctor(addresses)

  expect(sentences(whole.checks, 'ok')).toContainEqual(expect.stringContaining('3 members: '))
  expect(whole.exitCode).toBe(0)
  expect(sentences(without.checks, 'wrong')).toEqual([
    expect.stringContaining('does not answer'),
    expect.stringContaining('is away for the other members'),
  ])
  expect(without.exitCode).toBe(1)
})

test('a cluster without a majority has no leader', async () => {
  await using cluster = await eventStoreCluster({ options: '&maxDiscoverAttempts=1' })
  await using nats = await testNats()
  cluster.kill(1)
  cluster.kill(2)
  await eventually(async () => {
    const { checks } = await doctor({ EVENTSTORE_URL: cluster.url, NATS_URL: nats.url })
    expect(sentences(checks, 'wrong')).toContainEqual(expect.stringContaining('no node leads'))
  })
})

test('a user that may not read `$all` is told what to do', async () => {
  await using cluster = await eventStoreCluster()
  await using nats = await testNats()
  cluster.refuseReads('denied')

  const { checks } = await doctor({ EVENTSTORE_URL: cluster.url, NATS_URL: nats.url })

  expect(checks).toContainEqual(
    expect.objectContaining({
      status: 'wrong',
      sentence: expect.stringContaining('`$all` cannot be read: The event store denies access'),
      nextAction: expect.stringContaining('Least rights'),
    }),
  )
})

test.each([
  ['JetStream is off', '', 'see `jetstream` in the configuration'],
  ['there is no memory store', 'jetstream { max_memory_store: 0 }', '`jetstream.max_memory_store`'],
  ['there is no file store', 'jetstream { max_file_store: 0 }', '`jetstream.max_file_store`'],
])('where %s, the setting is named', async (_case, configuration, setting) => {
  await using es = await testEventStore()
  await using nats = await natsWith(configuration)

  const { exitCode, checks } = await doctor({ EVENTSTORE_URL: es.url, NATS_URL: nats.url })

  expect(sentences(checks, 'wrong')).toEqual([expect.stringContaining(setting)])
  expect(exitCode).toBe(1)
})

test.each([
  ['always', 'ok', 'it syncs every message to disk'],
  ['90s', 'warning', 'it syncs to disk every 90 s'],
])('the monitoring of NATS tells that it syncs: %s', async (interval, status, sentence) => {
  await using es = await testEventStore()
  const monitoring = `127.0.0.1:${await freePort()}`
  const configuration = `http: "${monitoring}"\njetstream { sync_interval: ${interval} }`
  await using nats = await natsWith(configuration)
  const addresses = { EVENTSTORE_URL: es.url, NATS_URL: nats.url }

  const { checks } = await doctor(addresses, '--nats-monitoring', `http://${monitoring}`)

  expect(checks).toContainEqual(
    expect.objectContaining({ status, sentence: expect.stringContaining(sentence) }),
  )
})

test('an address that is none ends with 2 and names the variable', async () => {
  let stderr = ''
  const output = {
    stdout: { write: () => true },
    stderr: { write: (text: string) => (stderr += text) },
  }

  const exitCode = await runDoctor(['--connections'], { EVENTSTORE_URL: 'here' }, output)

  expect(stderr).toContain('EVENTSTORE_URL')
  expect(stderr).toContain('NATS_URL')
  expect(exitCode).toBe(2)
})

async function doctor(env: Record<string, string>, ...args: string[]) {
  const once = async (more: string[]) => {
    let text = ''
    const output = { stdout: { write: (part: string) => (text += part) }, stderr: process.stderr }
    const exitCode = await runDoctor(['--connections', ...args, ...more], env, output)
    return { exitCode, text }
  }
  const [human, machine] = await Promise.all([once([]), once(['--json'])])
  const { checks }: { checks: Check[] } = JSON.parse(machine.text)
  return { exitCode: human.exitCode, stdout: human.text, json: machine.text, checks }
}

function sentences(checks: Check[], status: Check['status']): string[] {
  return checks
    .filter((check) => check.status === status)
    .map(({ dependency, sentence }) => `${dependency}: ${sentence}`)
}

async function makeTopology(url: string): Promise<void> {
  const logger = createLogger({ service: 'test', level: 'silent' })
  await using messaging = await connectMessaging({ url, name: 'test', logger })
  await ensureTopology(messaging)
}
