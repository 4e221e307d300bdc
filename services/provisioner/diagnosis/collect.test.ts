import { expect, test } from 'vitest'
import { recorded, recordedClient } from '#test/diagnosis/recorded-api'
import { collectEvidence } from './collect.ts'

const { signal } = new AbortController()
const logPath = '/api/v1/namespaces/s-x/pods/s-x-server-1/log'

test('a namespace is read as a whole, with its secrets hidden', async () => {
  const { client } = recordedClient()

  const evidence = await collectEvidence(client, 's-x', signal)

  expect(JSON.stringify(evidence)).not.toContain('wc0rKs8aBcD1')
  expect(evidence.redact('wc0rKs8aBcD1')).toBe('[redacted]')
  expect(evidence.gaps).toEqual([])
  expect(evidence.usedUp).toEqual(['quota plan: pods 10 of 10'])
  expect(evidence.pvcs).toMatchObject([{ name: 's-x-database', phase: 'Bound' }])
  expect(evidence.pvcs[0]?.ageMs).toBeGreaterThan(0)
  expect(evidence.jobs).toEqual([
    { name: 'cron-1', ofCronJob: true, failure: 'BackoffLimitExceeded: no' },
    { name: 'migrate', ofCronJob: false, failure: undefined },
  ])
})

test('a pod is told with its owner, its containers and how they ended', async () => {
  const { pods } = await collectEvidence(recordedClient().client, 's-x', signal)

  expect(pods).toMatchObject([
    {
      name: 's-x-server-1',
      owner: { kind: 'ReplicaSet', name: 's-x-server' },
      ready: false,
      ending: false,
      unscheduled: undefined,
      containers: [
        { name: 'set-up', init: true, state: 'terminated', exitCode: 0 },
        {
          name: 'medusa',
          init: false,
          state: 'waiting',
          reason: 'CrashLoopBackOff',
          message: 'back-off [redacted]',
          restarts: 4,
          last: { exitCode: 1, reason: 'Error', message: 'key [redacted]' },
        },
      ],
    },
    { owner: { kind: 'StatefulSet' }, unscheduled: '0/1 nodes are available', containers: [] },
    { name: 'old', ending: true },
  ])
})

test('what is said against pods is told: the newest word, and of a workload that has its pods none', async () => {
  const { workloads } = await collectEvidence(recordedClient().client, 's-x', signal)

  expect(workloads.map(({ kind, name, refusal }) => [kind, name, refusal])).toEqual([
    ['StatefulSet', 's-x-database', 'exceeded quota: plan [redacted]'],
    ['StatefulSet', 's-x-cache', undefined],
    ['Deployment', 's-x-server', 'exceeded quota: [redacted]'],
    ['ReplicaSet', 's-x-server', undefined],
  ])
})

test('events come in the order in which they were last seen', async () => {
  const { warnings } = await collectEvidence(recordedClient().client, 's-x', signal)

  const said = ['of a series', 'exceeded quota: plan [redacted]', 'of yesterday', 'an older word']
  expect(warnings.map(({ message }) => message)).toEqual(said)
})

test('of a container that crashes the lines of its last run are read, without empty ones', async () => {
  const { client, asked } = recordedClient()

  const { logs } = await collectEvidence(client, 's-x', signal)

  expect(logs).toEqual([
    {
      pod: 's-x-server-1',
      container: 'medusa',
      lines: ['connecting as [redacted]', 'cannot connect'],
    },
  ])
  expect(asked.filter((path) => path.includes('/log'))).toEqual([
    `${logPath}?container=medusa&tailLines=20&limitBytes=16384&previous=true`,
  ])
})

test('where the last run has no log any more, the present one is read', async () => {
  const { client } = recordedClient()
  const get = (path: string) =>
    path.includes('previous') ? Promise.reject(new Error('gone')) : client.get(path, signal)

  const { logs, gaps } = await collectEvidence({ get }, 's-x', signal)

  expect(logs).toHaveLength(1)
  expect(gaps).toEqual([])
})

test('a last line that was cut is left out: it may be half of a secret', async () => {
  const whole = `${'x'.repeat(99)}\n`.repeat(163)
  const log = `${whole}${'y'.repeat(16_384 - whole.length)}`
  const { client } = recordedClient({ ...recorded, [logPath]: log })

  const { logs } = await collectEvidence(client, 's-x', signal)

  expect(logs[0]?.lines).toHaveLength(163)
})

test('no log is shown when the secrets in it are not known', async () => {
  const forbidden = { '/api/v1/namespaces/s-x/secrets': new Error('answered with 403') }
  const { client, asked } = recordedClient({ ...recorded, ...forbidden })

  const { logs, gaps } = await collectEvidence(client, 's-x', signal)

  expect(logs).toEqual([])
  expect(asked.filter((path) => path.includes('/log'))).toEqual([])
  expect(gaps).toEqual([
    'secrets (answered with 403)',
    'logs (not shown, since the secrets in them are not known)',
  ])
})

test('what cannot be read, or looks like nothing known, is a gap and no error', async () => {
  const strange = { items: [{ no: 'metadata' }] }
  const { client } = recordedClient({
    ...recorded,
    '/api/v1/namespaces/s-x/events': strange,
    '/apis/apps/v1/namespaces/s-x/deployments': new Error('socket hang up'),
    [logPath]: new Error('container is gone'),
  })

  const { gaps, warnings, pods } = await collectEvidence(client, 's-x', signal)

  expect(warnings).toEqual([])
  expect(pods).toHaveLength(3)
  expect(gaps.toSorted()).toEqual([
    'deployments (socket hang up)',
    'events (they look like nothing known)',
    'log of s-x-server-1/medusa (container is gone)',
  ])
})

test('helm’s own records are never asked for', async () => {
  const { client, asked } = recordedClient()

  await collectEvidence(client, 's-x', signal)

  const secrets = asked.filter((path) => path.includes('/secrets'))
  expect(secrets).toEqual([
    '/api/v1/namespaces/s-x/secrets?limit=500&fieldSelector=type%21%3Dhelm.sh%2Frelease.v1',
  ])
})
