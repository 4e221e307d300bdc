import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parseConfig as commandApi } from '../../services/command-api/config.ts'
import { parseConfig as projector } from '../../services/projector/config.ts'
import { parseConfig as provisioner } from '../../services/provisioner/config.ts'
import { parseConfig as queryApi } from '../../services/query-api/config.ts'
import { parseConfig as relay } from '../../services/relay/config.ts'
import { toolPath } from '../../embedded/tools.ts'
import { eventually } from '#test/eventually'

const patience = { timeoutMs: 120_000, everyMs: 50 }
const root = fileURLToPath(new URL('../..', import.meta.url))
const CANARY = 'canary-7391'
const services = { 'command-api': commandApi, projector, provisioner, 'query-api': queryApi, relay }
type Service = keyof typeof services
const names = ['command-api', 'projector', 'provisioner', 'query-api', 'relay'] as const

const settings = [
  ...readFileSync(`${root}.env.example`, 'utf8').matchAll(/^([A-Z][A-Z0-9_]*)=/gm),
].flatMap(([, name]) => name ?? [])
/** Files, folders and names, which messages show on purpose. */
const shown = /_DIR$|_BIN$|^HOST$|^KUBECONFIG$|^NAMESPACE_ROLE$|^WORKER_ID$|^STOREWRIGHT_/

/** Right, and nobody answers there. */
const right: Record<string, string> = {
  AUTH: 'jwt',
  AUTH_ISSUER: 'https://login.example',
  AUTH_AUDIENCE: 'storewright',
  AUTH_JWKS_URL: 'http://127.0.0.1:1/keys',
  EVENTSTORE_URL: 'esdb://127.0.0.1:1?tls=false',
  NATS_URL: 'nats://127.0.0.1:1',
  DATABASE_URL: 'postgres://storewright@127.0.0.1:1/storewright',
}

const schemes = ['esdb', 'esdb+discover', 'nats', 'tls', 'postgres', 'http', 'https', 'mysql']
/** What some services take: each of these is a start of each service. */
const plausible = [
  `user:${CANARY}@127.0.0.1:1`,
  `${CANARY}:x@127.0.0.1:1`,
  `${CANARY}@127.0.0.1:1`,
  `user:${CANARY}%00@127.0.0.1:99999`,
  `127.0.0.1:1?password=${CANARY}`,
]
const addresses = [
  ...plausible,
  `user:${CANARY}@127.0.0.1:99999`,
  `user:${CANARY}@127.0.0.1:x1`,
  `user:${CANARY}@`,
  `user:${CANARY}%zz@127.0.0.1:1`,
  `user:${CANARY}%@127.0.0.1:1`,
  `user: ${CANARY}@127.0.0.1:1`,
  `user:x#${CANARY}@127.0.0.1:1`,
  `user:x/${CANARY}@127.0.0.1:1`,
  `user:x?${CANARY}@127.0.0.1:1`,
  `127.0.0.1:1,user:${CANARY}@127.0.0.1:1`,
]
const values = [
  CANARY,
  ` ${CANARY}`,
  ...schemes.flatMap((scheme) => addresses.map((address) => `${scheme}://${address}`)),
]

test.for(names)('no message about a setting of the %s tells what was set', (service) => {
  const told = settings.flatMap((name) =>
    values.filter((value) => messageAbout(service, name, value)?.includes(CANARY)),
  )

  expect(told).toEqual([])
})

test.for(names)(
  'the %s tells nobody a secret that a setting holds, also where the setting is mistaken',
  { timeout: 1_200_000 },
  async (service) => {
    const held = settings.filter((name) => !shown.test(name)).map((name) => taken(service, name))
    const rounds = Math.max(...held.map(({ values: each }) => each.length))
    expect(rounds).toBeGreaterThan(1)

    for (let round = 0; round < rounds; round++) {
      const given = Object.fromEntries(
        held.flatMap(({ name, values: each }) => {
          const value = each[round % each.length]
          return value === undefined ? [] : [[name, value]]
        }),
      )
      expect.soft(await allSaid(service, given), JSON.stringify(given)).not.toContain(CANARY)
    }
  },
)

/** What is told of a value that is refused; undefined for one that is taken. */
function messageAbout(service: Service, name: string, value: string): string | undefined {
  try {
    services[service]({ ...right, [name]: value })
    return undefined
  } catch (error) {
    return error instanceof Error ? `${error.message}\n${JSON.stringify(error)}` : String(error)
  }
}

/** The values of a setting that a service takes: one for each kind of address. */
function taken(service: Service, name: string): { name: string; values: string[] } {
  const takes = (value: string) => messageAbout(service, name, value) === undefined
  if (takes(CANARY)) return { name, values: [CANARY] }
  const each = plausible.map((address) => schemes.map((scheme) => `${scheme}://${address}`))
  return { name, values: each.flatMap((same) => same.find(takes) ?? []) }
}

/** Output, arguments and answers of a service that can reach nobody. */
async function allSaid(service: Service, given: Record<string, string>): Promise<string> {
  const { PATH = '', HOME = '' } = process.env
  const env = { PATH, HOME, ...right, HELM_BIN: toolPath('helm'), LOG_LEVEL: 'trace', ...given }
  const main = `${root}services/${service}/main.ts`
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const stderr = text(child.stderr)
  const exited = once(child, 'exit')
  const command = readFileSync(`/proc/${child.pid}/cmdline`, 'utf8')
  const url = await eventually(() => {
    const listening = /"url":"(http[^"]+)"/.exec(output)?.[1]
    if (listening === undefined && child.exitCode === null) throw new Error(output)
    return listening
  }, patience)
  const answers = url === undefined ? [] : await Promise.all(paths.map((path) => ask(url + path)))
  child.kill('SIGKILL')
  await exited
  return [output, await stderr, command, ...answers].join('\n')
}

const paths = ['/health/ready', '/metrics', '/api/stores', '/openapi.json']
const token = `${btoa('{"alg":"RS256","kid":"a"}')}.${btoa('{"sub":"a"}')}.c2ln`

async function ask(url: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}` }
  return (await fetch(url, { headers, signal: AbortSignal.timeout(20_000) })).text()
}
