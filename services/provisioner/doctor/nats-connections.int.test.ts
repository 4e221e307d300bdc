import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { eventStreamName } from '#contracts'
import { connectMessaging, ensureTopology } from '#messaging'
import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { certificates } from '#test/servers/certificates'
import { natsCluster } from '#test/servers/nats-cluster'
import { natsWith } from '#test/servers/nats-with'
import { testEventStore } from '#test/servers/test-eventstore'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { toolPath } from '../../../embedded/tools.ts'
import { checkNats } from './check-nats.ts'
import type { Check } from './report.ts'

const nodes = [0, 1, 2]
const soon = { timeoutMs: 90_000, everyMs: 200 }
const version = execFileSync(toolPath('nats-server'), ['--version'], { encoding: 'utf8' })
  .trim()
  .replace(/^.* v/, '')
const root = fileURLToPath(new URL('../../..', import.meta.url))
const hasOpenssl = await execa('openssl', ['version'], { reject: false }).then(
  ({ failed }) => !failed,
)

test('of three servers it tells each, their cluster, who leads each stream, its replicas and the clock', async () => {
  await using cluster = await natsCluster()
  await eventually(() => makeTopology(cluster.url), soon)

  await eventually(async () => {
    const checks = await checkNats(cluster.url)
    expect(sentences(checks, 'wrong')).toEqual([])
    const leader = await cluster.leaderOf(eventStreamName)
    expect(sentences(checks, 'ok')).toEqual([
      ...cluster.urls.map(
        (url, n) => `${new URL(url).host} answers: nats-server ${version}, node-${n}`,
      ),
      'it belongs to the cluster storewright',
      'JetStream is on for the user of NATS_URL',
      `STORE_EVENTS has 3 replicas, led by node-${leader}`,
      expect.stringMatching(/^KV_LEASES has 3 replicas, led by node-\d$/),
      expect.stringMatching(/^KV_PERMITS has 3 replicas, led by node-\d$/),
      expect.stringMatching(/^the clock of the server differs by 0\.\d s$/),
    ])
  }, soon)
}, 240_000)

test('of three servers one of which is away it names that one, and what it holds', async () => {
  await using cluster = await natsCluster()
  await eventually(() => makeTopology(cluster.url), soon)
  const leader = await eventually(() => cluster.leaderOf(eventStreamName), soon)
  const away = nodes.find((node) => node !== leader) ?? 0
  const host = new URL(cluster.urls[away] ?? '').host

  await cluster.kill(away)

  await eventually(async () => {
    const wrong = sentences(await checkNats(cluster.url), 'wrong')
    expect(wrong).toContainEqual(
      expect.stringContaining(`${host} cannot be used: CONNECTION_REFUSED`),
    )
    expect(wrong).toContain(`STORE_EVENTS is not up to date on node-${away}`)
  }, soon)
}, 240_000)

test('three servers without a majority are told apart from servers that are away', async () => {
  await using cluster = await natsCluster()
  await eventually(() => makeTopology(cluster.url), soon)

  for (const node of nodes) cluster.isolate(node)

  await eventually(async () => {
    const checks = await checkNats(cluster.url)
    expect(sentences(checks, 'ok')).toContain('it belongs to the cluster storewright')
    expect(sentences(checks, 'wrong')).toHaveLength(1)
    expect(sentences(checks, 'wrong')[0]).not.toContain('cannot be used')
  }, soon)
}, 240_000)

test('servers that are not of one cluster are named', async () => {
  await using one = await natsWith('jetstream {}')
  await using other = await natsWith('jetstream {}')

  const checks = await checkNats(`${one.url},${other.url}`)

  expect(sentences(checks, 'wrong')).toEqual(['its servers know nothing of each other'])
})

test('a user who may not make streams is told which rights are missing', async () => {
  const user = `{ user: a, password: b, permissions: { publish: { deny: "$JS.API.STREAM.CREATE.>" } } }`
  await using nats = await natsWith(`jetstream {}\nauthorization { users: [${user}] }`, {
    user: 'a:b',
  })

  const checks = await checkNats(nats.url)

  expect(sentences(checks, 'wrong')).toEqual([expect.stringContaining('`permissions`')])
})

test('two doctors in a row are both told that the server takes the streams', async () => {
  await using nats = await natsWith('jetstream {}')

  for (let run = 0; run < 5; run++)
    expect(sentences(await checkNats(nats.url), 'wrong')).toEqual([])
})

let files: Awaited<ReturnType<typeof certificates>>
const running = new AsyncDisposableStack()
beforeAll(async () => {
  if (hasOpenssl) files = running.use(await certificates())
})
afterAll(() => running.disposeAsync())

interface TlsCase {
  name: string
  /** What the server shows. */
  shows?: 'here' | 'elsewhere'
  asksForOne?: boolean
  /** Whose certificates the services trust. */
  trusted?: 'authority' | 'stranger'
  scheme?: 'tls' | 'nats'
  wrong: RegExp | undefined
  next?: RegExp
}

const tlsCases: TlsCase[] = [
  { name: 'the right authority', trusted: 'authority', wrong: undefined },
  {
    name: 'the right authority and nats://',
    trusted: 'authority',
    scheme: 'nats',
    wrong: undefined,
  },
  { name: 'no authority', wrong: /authority that is not known here/, next: /NODE_EXTRA_CA_CERTS/ },
  {
    name: 'another authority',
    trusted: 'stranger',
    wrong: /authority that is not known here/,
    next: /NODE_EXTRA_CA_CERTS/,
  },
  {
    name: 'a certificate for another host',
    shows: 'elsewhere',
    trusted: 'authority',
    wrong: /certificate is for another host/,
    next: /Name the server in NATS_URL as its certificate does/,
  },
  {
    name: 'a server that asks for a certificate of the client',
    asksForOne: true,
    trusted: 'authority',
    wrong: /wants a certificate of the client/,
    next: /Remove `verify`/,
  },
]

test.skipIf(!hasOpenssl).each(tlsCases)(
  'npm run doctor says what is so of a NATS with TLS: $name',
  async ({ shows = 'here', asksForOne = false, trusted, scheme = 'tls', wrong, next }) => {
    await using es = await testEventStore()
    const { authority, here } = files
    const shown = files[shows]
    const configuration = `
      jetstream {}
      tls { cert_file: ${JSON.stringify(shown.cert)}, key_file: ${JSON.stringify(shown.key)}
        ca_file: ${JSON.stringify(authority.cert)}, verify: ${asksForOne} }`
    const reaches = { ca: authority.pem, cert: here.pem, key: here.keyPem }
    const patient = { ...reaches, checkServerIdentity: () => undefined }
    await using nats = await natsWith(configuration, { tls: patient })

    const { checks, exitCode } = await doctor({
      EVENTSTORE_URL: es.url,
      NATS_URL: `${scheme}://localhost:${nats.port}`,
      ...(trusted && { NODE_EXTRA_CA_CERTS: files[trusted].cert }),
    })

    const isGood = wrong === undefined
    const named = expect.objectContaining({
      sentence: expect.stringMatching(wrong ?? ''),
      nextAction: expect.stringMatching(next ?? ''),
    })
    expect(checks.filter(({ status }) => status === 'wrong')).toEqual(isGood ? [] : [named])
    const good = [
      expect.stringContaining(`answers: nats-server ${version}`),
      'JetStream is on for the user of NATS_URL',
    ]
    expect(sentences(checks, 'ok')).toEqual(expect.arrayContaining(isGood ? good : []))
    expect(exitCode).toBe(isGood ? 0 : 1)
  },
)

test('npm run doctor says that a NATS without TLS has none', async () => {
  await using es = await testEventStore()
  await using nats = await natsWith('jetstream {}')

  const { checks, exitCode } = await doctor({
    EVENTSTORE_URL: es.url,
    NATS_URL: `tls://localhost:${nats.port}`,
  })

  expect(sentences(checks, 'wrong')).toEqual([expect.stringContaining('it has no TLS')])
  expect(exitCode).toBe(1)
})

const report = z.object({ checks: z.array(z.custom<Check>()) })

/** As npm runs it: Node reads which authorities it trusts once, at its start. */
async function doctor(env: Record<string, string>) {
  const program = 'services/provisioner/doctor/main.ts'
  const args = ['embedded/run-command.ts', program, '--connections', '--json']
  const { PATH } = process.env
  const ran = { cwd: root, extendEnv: false, env: { PATH, ...env }, reject: false }
  const { exitCode, stdout, stderr } = await execa(process.execPath, args, ran)
  expect(stderr).toBe('')
  return { exitCode, checks: report.parse(JSON.parse(stdout)).checks }
}

function sentences(checks: Check[], status: Check['status']): string[] {
  return checks.filter((check) => check.status === status).map(({ sentence }) => sentence)
}

async function makeTopology(url: string): Promise<void> {
  const logger = createLogger({ service: 'test', level: 'silent' })
  await using messaging = await connectMessaging({ url, name: 'test', logger })
  await ensureTopology(messaging)
}
