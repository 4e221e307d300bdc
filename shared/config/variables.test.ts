import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { ConfigError, parseEnvironment } from './parse-config.ts'
import {
  apiVariables,
  authVariables,
  databaseVariables,
  eventStoreVariables,
  messagingVariables,
} from './variables.ts'

const schema = z.object({
  ...eventStoreVariables,
  ...messagingVariables,
  ...databaseVariables,
  AUTH_JWKS_URL: authVariables.AUTH_JWKS_URL,
})
const right = {
  EVENTSTORE_URL: 'esdb://127.0.0.1:2113?tls=false',
  NATS_URL: 'nats://127.0.0.1:4222',
  DATABASE_URL: 'postgres://storewright@127.0.0.1:5432/storewright',
}

test.for<Partial<typeof right & { AUTH_JWKS_URL: string }>>([
  {
    EVENTSTORE_URL: 'esdb+discover://admin:changeit@one:2113,two:2113,three?tls=true&tlsCaFile=/ca',
  },
  { EVENTSTORE_URL: 'esdb://[::1]:2113/?tls=false' },
  { EVENTSTORE_URL: 'esdb://admin:p%40ss%2F@events.example.com' },
  { NATS_URL: 'nats://u:p%23@one:4222, tls://two:4222' },
  { DATABASE_URL: 'postgresql://u:p%2F@db/storewright?sslmode=require' },
  { DATABASE_URL: 'postgres:///storewright?host=/var/run/postgresql' },
  { AUTH_JWKS_URL: 'https://login.example/keys' },
  { AUTH_JWKS_URL: 'http://127.0.0.1:9/keys' },
  { AUTH_JWKS_URL: 'http://[::1]:9/keys' },
  { AUTH_JWKS_URL: 'http://localhost:9/keys' },
])('%j is taken', (env) => {
  expect(parseEnvironment(schema, { ...right, ...env })).toMatchObject(env)
})

test('hosts behind the first of NATS_URL take its scheme', () => {
  const taken = (NATS_URL: string) => parseEnvironment(schema, { ...right, NATS_URL }).NATS_URL

  expect(taken('nats://a,b,c')).toBe('nats://a,nats://b,nats://c')
  expect(taken('tls://u:p@a:4222, b:4223,[::1]:4224')).toBe(
    'tls://u:p@a:4222,tls://b:4223,tls://[::1]:4224',
  )
  expect(taken('nats://a:4222,tls://b:4222')).toBe('nats://a:4222,tls://b:4222')
})

const mistaken = [
  ['EVENTSTORE_URL', 'http://admin:hunter2@h:2113'],
  ['EVENTSTORE_URL', 'kurrentdb://admin:hunter2@h:2113'],
  ['EVENTSTORE_URL', 'esdb://admin:hunter2@h:21x13?tls=false'],
  ['EVENTSTORE_URL', 'esdb://admin:pass?hunter2@h:2113'],
  ['EVENTSTORE_URL', 'esdb://admin:pass/hunter2@h:2113'],
  ['EVENTSTORE_URL', 'esdb://admin:pass#hunter2@h:2113'],
  ['EVENTSTORE_URL', 'esdb://admin:hunter2@'],
  ['EVENTSTORE_URL', 'esdb://hunter2@h:2113'],
  ['EVENTSTORE_URL', 'esdb://admin:hunter2%zz@h:2113'],
  ['NATS_URL', 'http://u:hunter2@h:4222'],
  ['NATS_URL', 'nats://u:hunter2@h:4x22'],
  ['NATS_URL', 'nats://h:4222,nats://u:pass#hunter2@h:4222'],
  ['NATS_URL', 'nats://u:pass/hunter2@h:4222'],
  ['NATS_URL', 'nats://u:hunter2%@h:4222'],
  ['NATS_URL', 'nats://u:1,hunter2@h:4222'],
  ['NATS_URL', 'nats://u:hunter2@h:4222,'],
  ['NATS_URL', 'nats://u:hunter2@h:4222,,i:4222'],
  ['NATS_URL', 'nats://u:hunter2@h:4222,i:4x22'],
  ['NATS_URL', 'nats://u:hunter2@h:4222/x'],
  ['NATS_URL', 'nats://u:hunter2@h:4222?tls=true'],
  ['NATS_URL', 'h:4222,nats://u:hunter2@i:4222'],
  ['NATS_URL', 'nats://u:one@h:4222,nats://u:hunter2@i:4222'],
  ['NATS_URL', 'nats://h:4222,nats://u:hunter2@i:4222'],
  ['DATABASE_URL', 'mysql://u:hunter2@h/x'],
  ['DATABASE_URL', 'postgres://u:hunter2@h:54x32/x'],
  ['DATABASE_URL', 'postgres://u:pass#hunter2@h:5432/x'],
  ['DATABASE_URL', 'postgres://u:hunter2%zz@h:5432/x'],
  ['AUTH_JWKS_URL', 'https://u:hunter2@login.example/keys'],
  ['AUTH_JWKS_URL', 'https://u:hunter2@login.example:99999/keys'],
  ['AUTH_JWKS_URL', 'http://u:hunter2@login.example/keys'],
  ['AUTH_JWKS_URL', 'http://127.0.0.1.evil.example/hunter2'],
] as const

test.for(mistaken)('%s=%s is refused, and no password is told', ([name, value]) => {
  const parse = () => parseEnvironment(schema, { ...right, [name]: value })

  expect(parse).toThrow(ConfigError)
  expect(parse).toThrow(name)
  expect(parse).not.toThrow(/hunter2/)
})

test.for(['command-api', 'query-api', 'projector', 'relay', 'provisioner'])(
  'a mistaken configuration of the %s is one list of what is wrong, without a password or a stack',
  async (service) => {
    const main = fileURLToPath(new URL(`../../services/${service}/main.ts`, import.meta.url))
    const env = {
      EVENTSTORE_URL: 'esdb://admin:pass?hunter2@h:2113',
      NATS_URL: 'nats://u:hunter2@h:4x22',
      DATABASE_URL: 'postgres://u:hunter2@h:54x32/x',
      PORT: 'hunter3',
      AUTH: 'off',
    }
    const program = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const [stdout, stderr, [code]] = await Promise.all([
      text(program.stdout),
      text(program.stderr),
      once(program, 'exit'),
    ])

    expect(code).toBe(1)
    expect(stderr).toMatch(/EVENTSTORE_URL[^]*PORT|PORT[^]*EVENTSTORE_URL/)
    expect(stdout + stderr).not.toMatch(/hunter|^\s+at .*\.ts|throw /m)
  },
)

test.for([
  ['', []],
  [
    'loopback, 10.0.0.0/8,2001:db8::/32 , 192.0.2.1',
    ['loopback', '10.0.0.0/8', '2001:db8::/32', '192.0.2.1'],
  ],
  ['10.0.0.0/33', undefined],
  // Anybody could say anything.
  ['0.0.0.0/0', undefined],
  ['ingress.example.com', undefined],
  ['true', undefined],
] as const)('TRUSTED_PROXIES=%s means %j', ([given, wanted]) => {
  const { data } = apiVariables.TRUSTED_PROXIES.safeParse(given)

  expect(data).toEqual(wanted)
})
