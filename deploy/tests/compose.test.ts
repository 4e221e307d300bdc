import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { operatorSettings, readCompose } from './compose-file.ts'
import { parseWith } from './service-config.ts'

const ours = ['command-api', 'query-api', 'projector', 'relay', 'provisioner']
const kept = { eventstore: 'eventstore-data', nats: 'nats-data', postgres: 'postgres-data' }

const { services, networks, volumes } = await readCompose()
const lasting = Object.entries(services).filter(([, { restart }]) => restart !== undefined)

test('there is one container for each service and each part it needs', () => {
  const names = lasting.map(([name]) => name)
  expect(names.toSorted()).toEqual([...ours, ...Object.keys(kept), 'front'].toSorted())
})

describe.each(lasting)('%s', (name, service) => {
  test('has a health check', () => {
    expect(service.healthcheck?.test[0]).toBe('CMD')
  })

  test('runs as a user without rights', () => {
    expect(service.user).toMatch(/^[1-9]\d*:[1-9]\d*$/)
    expect(service.cap_drop).toEqual(['ALL'])
    // Caddy's file has this right, and does not start where it cannot have it.
    expect(service.cap_add).toEqual(name === 'front' ? ['NET_BIND_SERVICE'] : [])
    expect(service.security_opt).toContain('no-new-privileges:true')
  })

  test('writes to its volumes and to memory only', () => {
    expect(service.read_only).toBe(true)
  })

  test('is started again, whatever it ended with', () => {
    expect(service.restart).toBe('unless-stopped')
  })

  test('has limits of memory and CPU, and of its log', () => {
    expect(service.mem_limit).toMatch(/^\d+[mg]$/)
    expect(service.cpus).toBe('1')
    expect(service.logging?.options).toEqual({ 'max-size': '10m', 'max-file': '5' })
  })

  test('is looked after without a process of Node', () => {
    expect(service.healthcheck?.test).not.toContain('node')
  })

  test('names the version of its image', () => {
    expect(service.image).toMatch(/:\d[\w.-]*(@sha256:[0-9a-f]{64})?$/)
  })

  test('waits for what it needs', () => {
    const needed: string[] = []
    if (service.environment['EVENTSTORE_URL']) needed.push('eventstore')
    if (service.environment['DATABASE_URL']) needed.push('postgres')
    if (service.environment['NATS_URL']) needed.push('nats')
    expect(Object.keys(service.depends_on)).toEqual(expect.arrayContaining(needed))
  })
})

test('each image is built once', () => {
  const built = lasting.filter(([, { build }]) => build !== undefined)
  const images = built.map(([, { image }]) => image)
  expect(images).toEqual([...new Set(images)])
  const pulled = lasting.filter(
    ([, { build, image }]) => build === undefined && images.includes(image),
  )
  expect(pulled.map(([name]) => name)).toEqual(['query-api', 'projector', 'relay'])
  for (const [, { pull_policy: policy }] of pulled) expect(policy).toBe('never')
})

test('the event store writes no log files and calls nobody', () => {
  const { environment } = services['eventstore'] ?? {}
  expect(environment).toMatchObject({
    EVENTSTORE_DISABLE_LOG_FILE: 'true',
    EVENTSTORE_TELEMETRY_OPTOUT: 'true',
  })
})

test('the one container that runs as root has no network, one right, and ends', () => {
  const asRoot = Object.entries(services).filter(([, { user }]) => user === '0:0')
  expect(asRoot.map(([name]) => name)).toEqual(['nats-volume'])
  const [[, helper] = []] = asRoot
  expect(helper).toMatchObject({ network_mode: 'none', cap_drop: ['ALL'], cap_add: ['CHOWN'] })
  expect(helper?.restart).toBeUndefined()
})

test.each(Object.entries(kept))('%s keeps its data in the volume %s', (name, volume) => {
  expect(services[name]?.volumes.map((mount) => mount.split(':')[0])).toContain(volume)
  expect(volumes).toHaveProperty(volume)
})

test('only the front is published, and on loopback', () => {
  const published = lasting.filter(([, { ports }]) => ports.length > 0)
  expect(published.map(([name]) => name)).toEqual(['front'])
  for (const [, { ports }] of published)
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/)
})

test('everything talks in a network that leads nowhere; only the front and the APIs reach out of it', () => {
  expect(networks['backend']).toEqual({ internal: true })
  const outside = lasting.filter(([, service]) =>
    service.networks.some((each) => each !== 'backend'),
  )
  expect(outside.map(([name]) => name).toSorted()).toEqual(['command-api', 'front', 'query-api'])
  expect(services['front']?.networks).toEqual(['edge'])
})

test('each command of docs/deployment.md runs in a container that has its program and its settings', async () => {
  const docs = await readFile(new URL('../../docs/deployment.md', import.meta.url), 'utf8')
  const commands = [...docs.matchAll(/docker compose exec ([\w-]+) node (services\/\S+\.ts)/g)]
  const programs = commands.map(([, , program = '']) => program)
  const { scripts } = z
    .object({ scripts: z.record(z.string(), z.string()) })
    .parse(JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')))
  const wanted = Object.values(scripts).flatMap(
    (script) => /run-command\.ts (\S+)/.exec(script)?.[1] ?? [],
  )
  expect(programs.toSorted()).toEqual(wanted.toSorted())
  const needs: Record<string, string[]> = {
    'query-api': ['EVENTSTORE_URL'],
    'command-api': ['EVENTSTORE_URL'],
    projector: ['EVENTSTORE_URL', 'DATABASE_URL'],
    relay: ['EVENTSTORE_URL', 'NATS_URL'],
    provisioner: ['EVENTSTORE_URL', 'NATS_URL', 'RELEASES_DIR'],
  }
  for (const [, name = ''] of commands)
    expect(Object.keys(services[name]?.environment ?? {})).toEqual(
      expect.arrayContaining(needs[name] ?? ['a container of ours']),
    )
})

const { POSTGRES_PASSWORD = '', ...authentication } = operatorSettings

test('compose refuses to start without POSTGRES_PASSWORD', async () => {
  await expect(readCompose(authentication)).rejects.toThrow('POSTGRES_PASSWORD is needed')
})

test.each(Object.keys(authentication))('an API refuses to start without %s', async (name) => {
  const { [name]: _, ...others } = operatorSettings
  const { services: given } = await readCompose(others)
  for (const api of ['command-api', 'query-api'])
    await expect(parseWith(api, given[api]?.environment ?? {})).rejects.toThrow(name)
})

test('with API keys no issuer is needed', async () => {
  const OPERATOR_KEY = '0123456789abcdef0123456789abcdef'
  const settings = { POSTGRES_PASSWORD, AUTH: 'keys', OPERATOR_KEY }
  const { services: given } = await readCompose(settings)
  for (const api of ['command-api', 'query-api'])
    expect(await parseWith(api, given[api]?.environment ?? {})).toMatchObject({ OPERATOR_KEY })
})

test('git ignores the file with the passwords, and keeps the example', async () => {
  const ignored = await readFile(new URL('../../.gitignore', import.meta.url), 'utf8')
  expect(ignored.split('\n')).toEqual(expect.arrayContaining(['.env', '!.env.example']))
})

const issuer = { issuer: 'https://a.example', audience: 'a', jwksUrl: 'https://a.example/keys' }
const optionalSettings = {
  OPERATOR_KEY: '0123456789abcdef0123456789abcdef',
  OPERATOR_KEY_SHA256: 'a'.repeat(64),
  AUTH_ISSUERS: JSON.stringify([issuer]).replaceAll("'", "''"),
  AUTH_TOKEN_TYPE: 'at+jwt',
  AUTH_CLAIM_TENANT: 'tid',
  AUTH_CLAIM_ROLES: 'roles',
  AUTH_ROLE_MAP: 'viewer=read',
}

describe.each(ours)('the environment of %s', (name) => {
  test('is what the service accepts', async () => {
    const { environment, command } = services[name] ?? {}
    expect(command).toEqual(['node', `services/${name}/main.ts`])
    const config = await parseWith(name, environment ?? {})
    expect(config).toMatchObject({ HOST: '0.0.0.0', PORT: 3000 })
  })

  test('gives nothing the service does not know', async () => {
    const { services: full } = await readCompose({ ...operatorSettings, ...optionalSettings })
    const { environment = {} } = full[name] ?? {}
    const config = await parseWith(name, environment)
    const given = Object.entries(environment).filter(([, value]) => value !== '')
    expect(Object.keys(config)).toEqual(expect.arrayContaining(given.map(([variable]) => variable)))
  })
})
