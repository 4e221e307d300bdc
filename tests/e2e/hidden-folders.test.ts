import { expect, test } from 'vitest'
import { cloneOf, type CloneOptions } from '#test/stack/clone'
import { npmStart } from '#test/stack/npm-start'
import { storeClient } from '#test/stack/store-client'

const isRoot = process.getuid?.() === 0
const notRoot = 'only root runs PostgreSQL as somebody else'
const nobody = { uid: 65_534, gid: 65_534 }
const all: CloneOptions['hidden'] = ['clone', 'home', 'cache', 'data']
const hiddenOnes: CloneOptions[] = [{ hidden: ['clone'] }, { hidden: ['cache'] }, { hidden: all }]

test.for(hiddenOnes)(
  'as root npm start comes up with $hidden below a folder only its owner may enter',
  async ({ hidden }, { skip }) => {
    skip(!isRoot, notRoot)
    expect(await storeMadeIn({ hidden, named: 'a clone' })).toBe('ready')
  },
)

test('as root npm start comes up from a path with a blank and a $', async ({ skip }) => {
  skip(!isRoot, notRoot)
  expect(await storeMadeIn({ hidden: [], named: "it's do$HOME" })).toBe('ready')
})

test('as an ordinary user it comes up with all of them below such folders, with a blank and a $ in every path', async () => {
  const owner = isRoot ? { owner: nobody } : {}

  expect(await storeMadeIn({ hidden: all, named: "it's do$HOME", ...owner })).toBe('ready')
})

/** What becomes of a store there, under the strictest umask. */
async function storeMadeIn(options: CloneOptions): Promise<string> {
  await using clone = await cloneOf(options)
  const by = ['/bin/sh', '-c', 'umask 077; exec "$@"', 'sh']
  await using stack = await npmStart(clone.env, { by, root: clone.root, ...options.owner })
  const client = storeClient(stack.url)
  return (await client.untilStatus(await client.accepted({}), 'ready')).status
}
