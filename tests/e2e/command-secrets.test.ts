import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { dump } from 'js-yaml'
import { parseConfig } from '../../services/provisioner/config.ts'
import { toolPath } from '../../embedded/tools.ts'
import { tempFolder } from '#test/temp-folder'

const root = fileURLToPath(new URL('../..', import.meta.url))
const CANARY = 'canary-7391'
/** A command that waits for a server that never comes has said by then what it says. */
const LISTEN_MS = 10_000

const commands: Record<string, string[]> = {
  'keys create': ['services/command-api/keys.ts', 'create', '--name', 'a'],
  'keys list': ['services/command-api/keys.ts', 'list'],
  'keys revoke': ['services/command-api/keys.ts', 'revoke', 'none'],
  doctor: ['services/provisioner/doctor/main.ts'],
  'doctor --connections': ['services/provisioner/doctor/main.ts', '--connections'],
  'doctor --connections --json': ['services/provisioner/doctor/main.ts', '--connections', '--json'],
  replay: ['services/query-api/replay.ts', '--store', '0a0a0a0a-0000-4000-8000-000000000000'],
  rebuild: ['services/projector/rebuild.ts'],
  'replay-parked': ['services/projector/replay-parked.ts'],
  resync: ['services/relay/resync.ts', '--yes'],
}

/** Right, refused at the start, and taken by mistake: each holds the canary where somebody may put a secret. */
const addresses = [
  `user:${CANARY}@127.0.0.1:1`,
  `${CANARY}@127.0.0.1:1`,
  `user:${CANARY}@127.0.0.1:x1`,
  `user:${CANARY}%zz@127.0.0.1:1`,
  `user:x#${CANARY}@127.0.0.1:1`,
  `user:x/${CANARY}@127.0.0.1:1`,
  `127.0.0.1:1/x?password=${CANARY}`,
  `127.0.0.1:1?tls=false&userCertFile=${CANARY}&userKeyFile=${CANARY}`,
]
const schemes = { EVENTSTORE_URL: 'esdb', NATS_URL: 'nats', DATABASE_URL: 'postgres' }
const secrets = ['OPERATOR_KEY', 'POSITION_KEY', 'AUTH_ISSUERS', 'AUTH_JWKS_URL', 'KUBECONFIG']
const rounds = [
  ...addresses.map((address) =>
    Object.fromEntries(
      Object.entries(schemes).map(([name, scheme]) => [name, `${scheme}://${address}`]),
    ),
  ),
  Object.fromEntries(Object.keys(schemes).map((name) => [name, CANARY])),
  Object.fromEntries(Object.keys(schemes).map((name) => [name, `mysql://a:${CANARY}@127.0.0.1:1`])),
]

test.for(Object.keys(commands))(
  'npm run %s tells nobody a secret that a setting holds, also where the setting is mistaken',
  { timeout: 1_200_000 },
  async (name) => {
    await using folder = await tempFolder()
    const [program = '', ...args] = commands[name] ?? []
    const others = Object.fromEntries(secrets.map((each) => [each, CANARY]))

    const told = await Promise.all(
      rounds.map(async (round) => {
        const env = { STOREWRIGHT_DATA: folder.path, LOG_LEVEL: 'trace', ...others, ...round }
        const said = await allSaid(['embedded/run-command.ts', program, ...args], env)
        return said.includes(CANARY) ? [round, said] : []
      }),
    )

    expect(told.flat()).toEqual([])
  },
)

test.for([
  ['a password file that is not there', { ADMIN_PASSWORD_FILE: `/nowhere/a` }],
  ['a password', { ADMIN_PASSWORD: CANARY }],
  ['a password that is no header', { ADMIN_PASSWORD: `${CANARY}\n\u{1F511}` }],
] as const)('npm run smoke-test tells nobody %s', { timeout: 300_000 }, async ([, given]) => {
  const program = 'services/provisioner/smoke-test/main.ts'
  const shop = ['--engine', 'medusa', '--url', `http://a:${CANARY}@127.0.0.1:1`, '--limit', '3']
  const env = { ADMIN_EMAIL: 'a@b.example', ...given }

  const { output } = await run([program, ...shop], env)

  expect(output).not.toBe('')
  expect(output).not.toContain(CANARY)
})

/** Where an operator may write a password of SMTP or a registry, and where a value is mistaken. */
const mistaken: Record<string, unknown>[] = [
  ...['host', 'port', 'security', 'from', 'existingSecret', 'password', CANARY].map((name) => ({
    woocommerce: { mail: { [name]: `${CANARY} !` } },
  })),
  { woocommerce: { mail: CANARY } },
  { woocommerce: { mail: { host: `smtp://user:${CANARY}@mail.example` } } },
  { woocommerce: { mail: { from: `user:${CANARY}` } } },
  { woocommerce: { mail: { port: { [CANARY]: 1 } } } },
  { woocommerce: { images: { server: `https://user:${CANARY}@registry.example/a:1` } } },
  { imageRegistry: `user:${CANARY}@registry.example` },
  { imagePullSecrets: [{ name: `${CANARY}@`, password: CANARY }] },
  { imagePullSecrets: CANARY },
  { route: { kind: CANARY } },
  { route: { kind: 'ingress', annotations: { [`${CANARY}:`]: 'a' }, tlsSecret: `${CANARY}=` } },
  { network: { dnsCidrs: [CANARY] } },
  { storage: { databaseClass: `${CANARY}_` } },
  { adminEmail: `a:${CANARY}` },
  { [CANARY]: CANARY },
]

test('no message about the values of all stores tells what they hold', async () => {
  await using folder = await tempFolder()
  const file = join(folder.path, 'values.yaml')
  const broken = ['a: [', 'a: &b *c', 'a: "', '\t', 'a: 1\na: 2'].map(
    (start) => `${start}${CANARY}`,
  )

  for (const content of [...mistaken.map((values) => dump(values)), ...broken, CANARY]) {
    await writeFile(file, content)
    expect.soft(messageAbout({ STORE_VALUES_FILE: file }), content).toContain('STORE_VALUES_FILE')
    expect.soft(messageAbout({ STORE_VALUES_FILE: file }), content).not.toContain(CANARY)
  }
  expect(messageAbout({ STORE_VALUES_FILE: `/nowhere/${CANARY}` })).not.toContain(CANARY)
  expect(messageAbout({ STORE_VALUES_FILE: CANARY })).not.toContain(CANARY)
})

test('a provisioner does not tell the values of all stores that are mistaken', async () => {
  await using folder = await tempFolder()
  const file = join(folder.path, 'values.yaml')
  await writeFile(file, dump({ woocommerce: { mail: { password: CANARY, [CANARY]: CANARY } } }))
  const env = { ...right, LOG_LEVEL: 'trace', HELM_BIN: toolPath('helm'), STORE_VALUES_FILE: file }

  const said = await allSaid(['services/provisioner/main.ts'], env)

  expect(said).toContain('STORE_VALUES_FILE')
  expect(said).toContain('"password"')
  expect(said).not.toContain(CANARY)
})

const right = {
  EVENTSTORE_URL: 'esdb://127.0.0.1:1?tls=false',
  NATS_URL: 'nats://127.0.0.1:1',
  DATABASE_URL: 'postgres://storewright@127.0.0.1:1/storewright',
}

function messageAbout(given: Record<string, string>): string {
  try {
    parseConfig({ ...right, ...given })
    return ''
  } catch (error) {
    return error instanceof Error ? `${error.message}\n${JSON.stringify(error)}` : String(error)
  }
}

async function allSaid(args: string[], env: Record<string, string>): Promise<string> {
  const { output, commandLines } = await run(args, env)
  return [output, ...commandLines].join('\n')
}

/** What a program writes, and how it and every process that it starts are called. */
async function run(args: string[], given: Record<string, string>) {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { PATH, HOME, ...given },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const written = Promise.all([text(child.stdout), text(child.stderr)])
  const exited = once(child, 'exit')
  const commandLines = new Set<string>()
  const until = performance.now() + LISTEN_MS
  while (child.exitCode === null && performance.now() < until) {
    for (const line of commandLinesOf(child.pid)) commandLines.add(line)
    await wait(50)
  }
  if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
  await exited
  return { output: (await written).join('\n'), commandLines: [...commandLines] }
}

/** Of the process group. */
function commandLinesOf(group: number | undefined): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const [, fields = ''] = /\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
      if (Number(fields.split(' ')[2]) !== group) return []
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    } catch {
      return []
    }
  })
}
