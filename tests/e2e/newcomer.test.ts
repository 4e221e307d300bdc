import { execa } from 'execa'
import { expect, test } from 'vitest'
import { cloneOf, type CloneOptions } from '#test/stack/clone'
import { npmStart } from '#test/stack/npm-start'
import { storeClient } from '#test/stack/store-client'

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
  async ({ env: settings, ...machine }) => {
    await using clone = await cloneOf(machine)
    const env = { ...clone.env, ...settings }
    const options = { by: strict, root: clone.root, ...machine.owner }

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
    const replayAfterwards = await replay(id, { clone, env, ...options })

    await using second = await npmStart(env, options)
    await storeClient(second.url).untilStatus(id, 'ready')
    const history = await replay(id, { clone, env, ...options })

    expect(messages.at(-1)).toBe('ended')
    expect(messages.join()).not.toMatch(/timeout|did not end in time/)
    expect(replayAfterwards).toContain('npm start is not running')
    expect(history).toContain('StoreProvisioned')
  },
)

interface Place {
  clone: { root: string }
  env: Record<string, string>
  uid?: number
  gid?: number
}

async function replay(id: string, { clone, env, uid, gid }: Place): Promise<string> {
  const as = uid === undefined || gid === undefined ? {} : { uid, gid }
  const args = ['run', '--silent', 'replay', '--', '--store', id]
  const { all } = await execa('npm', args, {
    cwd: clone.root,
    env,
    ...as,
    all: true,
    reject: false,
  })
  return all
}
