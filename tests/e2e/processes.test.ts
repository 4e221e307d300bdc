import { join } from 'node:path'
import { expect, test } from 'vitest'
import { eventually } from '#test/eventually'
import { isAlive, npmStart } from '#test/stack/npm-start'
import { storeClient } from '#test/stack/store-client'
import { tempFolder } from '#test/temp-folder'

test('Ctrl-C ends every process it started, and the next start goes on with the data', async () => {
  await using folder = await tempFolder()
  const env = { STOREWRIGHT_DATA: join(folder.path, 'data') }
  const first = await npmStart(env)
  const id = await storeClient(first.url).accepted({})
  const pids = Object.values(await first.pids())

  first.signal('SIGINT')
  expect(await first.ended()).toBe(0)
  expect(pids.filter(isAlive)).toEqual([])

  await using second = await npmStart(env)
  await storeClient(second.url).untilStatus(id, 'ready')
})

test.for(['the stack', 'npm'])('nothing is left after kill -9 of %s', async (which) => {
  const stack = await npmStart()
  const pids = await stack.pids()

  if (which === 'npm') stack.signalNpm('SIGKILL')
  else process.kill(pids['stack'] ?? 0, 'SIGKILL')

  await eventually(() => expect(Object.values(pids).filter(isAlive)).toEqual([]), {
    timeoutMs: 60_000,
  })
  await stack[Symbol.asyncDispose]()
})

test('two provisioners share twenty stores, each provisioned by exactly one', async () => {
  await using stack = await npmStart({ STOREWRIGHT_PROCESSES: 'separate' })
  const client = storeClient(stack.url)

  const names = Array.from({ length: 20 }, (_, index) => `Store ${index}`)
  const ids = await Promise.all(names.map((name) => client.accepted({ name })))
  for (const id of ids) await client.untilStatus(id, 'ready')

  const histories = await Promise.all(ids.map((id) => client.events(id)))
  const claims = histories.map((events) =>
    events.flatMap(({ type, data }) => (type === 'ProvisioningStarted' ? [data.worker] : [])),
  )
  expect(claims.map((workers) => workers.length)).toEqual(ids.map(() => 1))
  expect(new Set(claims.flat()).size).toBe(2)
})
