import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import { leaseTimes, parseConfig } from './config.ts'

const needed = {
  EVENTSTORE_URL: 'esdb://127.0.0.1:2113?tls=false',
  NATS_URL: 'nats://127.0.0.1:4222',
  DATABASE_URL: 'postgres://127.0.0.1/storewright',
}

test('addresses are all it needs; every worker gets an id of its own', () => {
  const config = parseConfig(needed)
  expect(config).toMatchObject({ CONCURRENCY: 4, DRIVER: 'render', HELM_BIN: 'helm' })
  expect(config.RETRY_DELAYS_MS).toEqual([5_000, 30_000, 120_000, 600_000])
  expect(config.WORKER_ID).not.toBe(parseConfig(needed).WORKER_ID)
})

test('all problems are reported at once', () => {
  const wrong = { CONCURRENCY: '0', RETRY_DELAYS_MS: 'soon', WORKER_ID: 'a b', STORES_DOMAIN: '-x' }
  expect(() => parseConfig(wrong)).toThrow(
    /(?=.*EVENTSTORE_URL)(?=.*CONCURRENCY)(?=.*RETRY_DELAYS_MS)(?=.*WORKER_ID)(?=.*STORES_DOMAIN)/s,
  )
})

test('every problem of the file of store values is told together, by its place', async () => {
  await using folder = await tempFolder()
  const STORE_VALUES_FILE = join(folder.path, 'stores.yaml')
  await writeFile(
    STORE_VALUES_FILE,
    `route: { kind: ingress, tlsSecret: own, clusterIssuer: own }
imagePullSecrets: [{ name: store-secret }]
existingSecret: other
network: { dnsCidrs: [here] }
woocommerce: { mail: { host: smtp.example.com, port: 25 }, replicas: 3 }
`,
  )
  let message = ''
  try {
    parseConfig({ ...needed, STORE_VALUES_FILE, CONCURRENCY: '0' })
  } catch (error) {
    message = String(error)
  }
  const said = message.split('✖').map((line) => line.replaceAll(/\s+/g, ' ').trim())
  expect(said.slice(1).toSorted()).toEqual([
    'Too small: expected number to be >=1 → at CONCURRENCY',
    'Unrecognized key: "existingSecret" → at STORE_VALUES_FILE',
    'Unrecognized key: "replicas" → at STORE_VALUES_FILE.woocommerce',
    'must be 465 or 587 → at STORE_VALUES_FILE.woocommerce.mail.port',
    'must be a CIDR → at STORE_VALUES_FILE.network.dnsCidrs[0]',
    'must have tlsSecret or clusterIssuer: cert-manager would write into a Secret that is given → at STORE_VALUES_FILE.route',
    'must not be store-secret: each store has one of its own → at STORE_VALUES_FILE.imagePullSecrets[0].name',
  ])
})

test.each([
  ['a: [', /STORE_VALUES_FILE/],
  ['route: { kind: gateway }', /kind must be none, external, ingress or httpRoute/],
])('a file of store values that says %j is refused', async (content, problem) => {
  await using folder = await tempFolder()
  const STORE_VALUES_FILE = join(folder.path, 'stores.yaml')
  await writeFile(STORE_VALUES_FILE, content)
  expect(() => parseConfig({ ...needed, STORE_VALUES_FILE })).toThrow(problem)
})

test('a file of store values that is not there is told by the name of its setting', () => {
  expect(() => parseConfig({ ...needed, STORE_VALUES_FILE: '/nowhere.yaml' })).toThrow(
    /names a file that cannot be read: ENOENT\s+→ at STORE_VALUES_FILE/,
  )
})

test.each([1_000, 4_000, 12_000, 60_000])(
  'with a lease of %i ms a helm has ended before its claim can be taken over, and two renewals may fail',
  (LEASE_MS) => {
    const times = leaseTimes(parseConfig({ ...needed, LEASE_MS: String(LEASE_MS) }))
    expect(times.lostAfterMs + times.killAfterMs).toBeLessThan(times.leaseTtlMs)
    expect(times.heartbeatTimeoutMs + times.killAfterMs).toBeLessThan(times.leaseTtlMs)
    expect(3 * times.renewEveryMs).toBeLessThan(times.lostAfterMs)
    expect(times.ackWaitMs).toBeGreaterThan(times.leaseTtlMs)
  },
)
