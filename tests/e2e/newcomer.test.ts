import { execa } from 'execa'
import { expect, test } from 'vitest'
import { freePort } from '../../embedded/processes/free-port.ts'
import { cloneOf, type CloneOptions } from '#test/stack/clone'
import { ipv4Only, noIpv4Only } from '#test/stack/ipv4-only'
import { npmStart, type StartOptions } from '#test/stack/npm-start'
import { noSmallDisks, smallDisks } from '#test/stack/small-disks'
import { storeClient } from '#test/stack/store-client'
import { tempFolder } from '#test/temp-folder'

const isRoot = process.getuid?.() === 0
const nobody = { uid: 65_534, gid: 65_534 }
const strict = ['/bin/sh', '-c', 'umask 077; exec "$@"', 'sh']
const LIVE_STREAMS = 50

interface Machine extends CloneOptions {
  name: string
  env: Record<string, string>
}

// Each setting has kept somebody from a first store; together, so that it takes two runs.
const machines: Machine[] = [
  {
    name: 'an ordinary user with an odd path, a strict umask and settings of other clients',
    hidden: ['clone', 'data'],
    named: "it's dö$HOME",
    ...(isRoot && { owner: nobody }),
    env: { PGSSLMODE: 'require', PGPORT: '1', HELM_DRIVER: 'sql', LOG_LEVEL: 'INFO' },
  },
  {
    name: 'a proxy that is not there, and options of Node',
    hidden: [],
    env: {
      http_proxy: 'http://127.0.0.1:9',
      https_proxy: 'http://127.0.0.1:9',
      HTTP_PROXY: 'http://127.0.0.1:9',
      NODE_USE_ENV_PROXY: '1',
      NODE_OPTIONS: '--max-old-space-size=2048',
    },
  },
]

test.for(machines)(
  'a newcomer with $name gets a store, ends with Ctrl-C while streams are open, goes on and replays',
  async ({ env, ...machine }) => {
    await using clone = await cloneOf(machine)

    expect(await twice(clone, { env, as: machine.owner })).toEqual(asItShouldBe())
  },
)

test('a newcomer without IPv6 gets a store, ends with Ctrl-C while streams are open, goes on and replays', async ({
  skip,
}) => {
  const reason = await noIpv4Only()
  skip(reason !== undefined, reason)
  await using clone = await cloneOf({ hidden: [] })
  const port = await freePort()
  await using network = await ipv4Only(port)

  const ended = await twice(clone, { by: network.by, env: { PORT: `${port}` } })

  expect(ended).toEqual(asItShouldBe())
})

test('a newcomer whose npm runs no install scripts is told the command that makes up for it, and all works then', async () => {
  await using clone = await cloneOf({ hidden: [], withoutScripts: true })
  const env = { npm_config_ignore_scripts: 'true', npm_config_cache: await npmCache() }

  const refused = await startInVain(clone, env)
  const command = /try: (npm rebuild [^)]*)/.exec(refused.all)?.[1] ?? ''
  await execa(command, { shell: true, cwd: clone.root, env: { ...clone.env, ...env } })

  expect(refused.exitCode).toBe(1)
  expect(await twice(clone, { env })).toEqual(asItShouldBe())
})

test('a newcomer with a full temp folder is told so with what to do, and all works with space in it', async ({
  skip,
}) => {
  skip(noSmallDisks !== undefined, noSmallDisks)
  await using clone = await cloneOf({ hidden: [] })
  await using folder = await tempFolder('storewright-newcomer-')
  await using disks = await smallDisks({ [folder.path]: 8 })
  const env = { TMPDIR: folder.path }
  disks.fill(folder.path)

  const refused = await startInVain(clone, env, disks.by)
  disks.free(folder.path)

  expect(refused.all).toMatch(/temporary files cannot be used: .*TMPDIR.*ENOSPC.*set TMPDIR/)
  expect(refused.exitCode).toBe(1)
  expect(await twice(clone, { env, by: disks.by, seen: disks.seen })).toEqual(asItShouldBe())
})

type Clone = Awaited<ReturnType<typeof cloneOf>>

interface Newcomer extends Pick<StartOptions, 'by' | 'seen'> {
  env: Record<string, string>
  as?: { uid: number; gid: number } | undefined
}

const asItShouldBe = () => ({
  last: 'ended',
  messages: expect.not.stringMatching(/timeout|did not end in time/),
  replayAfterwards: expect.stringContaining('npm start is not running'),
  history: expect.stringContaining('StoreProvisioned'),
})

/** `npm start` to a ready store, Ctrl-C, `npm run replay`, `npm start` again, `npm run replay`. */
async function twice(clone: Clone, { env: settings, as, by = [], ...more }: Newcomer) {
  const env = { ...clone.env, ...settings }
  const options = { ...more, by: [...by, ...strict], root: clone.root, ...as }

  const first = await npmStart(env, options)
  const client = storeClient(first.url)
  const id = await client.accepted({})
  await client.untilStatus(id, 'ready')
  const streams = await Promise.all(
    Array.from({ length: LIVE_STREAMS }, () => client.get('/api/stores/stream')),
  )
  first.signal('SIGINT')
  await Promise.all(streams.map((stream) => stream.text()))
  await first.ended()
  const messages = first.lines().map(({ msg }) => msg)
  await first[Symbol.asyncDispose]()
  const replayed = () => npm(['run', '--silent', 'replay', '--', '--store', id], options, env)
  const replayAfterwards = (await replayed()).all

  await using second = await npmStart(env, options)
  await storeClient(second.url).untilStatus(id, 'ready')
  const history = (await replayed()).all
  return { last: messages.at(-1), messages: messages.join(), replayAfterwards, history }
}

async function startInVain(clone: Clone, settings: Record<string, string>, by: string[] = []) {
  const env = { ...clone.env, ...settings, PORT: `${await freePort()}` }
  return npm(['start'], { by, root: clone.root }, env)
}

async function npm(
  args: string[],
  { by = [], root, uid, gid }: StartOptions & { root: string },
  env: Record<string, string>,
): Promise<{ all: string; exitCode: number | undefined }> {
  const as = uid === undefined || gid === undefined ? {} : { uid, gid }
  const [command = 'npm', ...first] = by
  const given = by.length === 0 ? args : [...first, 'npm', ...args]
  const { all, exitCode } = await execa(command, given, {
    cwd: root,
    env,
    ...as,
    all: true,
    reject: false,
  })
  return { all, exitCode }
}

/** With what this checkout was installed from. */
async function npmCache(): Promise<string> {
  return (await execa('npm', ['config', 'get', 'cache'])).stdout
}
