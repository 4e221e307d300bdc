import { eventStreamName, eventSubject, provisionersConsumer } from '#contracts'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { shortTimings, testMessaging } from '#test/servers/test-messaging'
import { testNats } from '#test/servers/test-nats'
import { cp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DeliverPolicy } from 'nats'
import { expect, test } from 'vitest'
import { nextWork } from './pull.ts'
import { provisionersConfig } from './topology.ts'

const signal = new AbortController().signal

test('F31: a consumer that is ahead of its stream is made again', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  const manager = await nats.connection.jetstreamManager()
  const ahead = { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: 1_000 }
  await manager.consumers.delete(eventStreamName, provisionersConsumer)
  const config = { ...provisionersConfig(shortTimings), ...ahead }
  await manager.consumers.add(eventStreamName, config)

  await nats.connection.jetstream().publish(eventSubject('s1', 0n, 'StoreRequested'), '{}')

  expect(await nextWork(messaging, { signal, expiresMs: 20_000 })).toMatchObject({ storeId: 's1' })
})

test('F31: new messages arrive although the stream lost its tail', async () => {
  await using nats = await testNats()
  await using backup = await tempFolder()
  await using messaging = await testMessaging(nats.url)
  const publish = (storeId: string) =>
    nats.connection.jetstream().publish(eventSubject(storeId, 0n, 'StoreRequested'), '{}')
  const next = async () => (await nextWork(messaging, { signal, expiresMs: 20_000 }))?.storeId
  await publish('kept')
  expect(await next()).toBe('kept')
  const messages = await folderOf(nats.dataDir, `${eventStreamName}/msgs`)
  await nats.kill()
  await cp(messages, backup.path, { recursive: true })
  await nats.restart()
  for (const storeId of ['lost-1', 'lost-2', 'lost-3']) await publish(storeId)
  const delivered = await eventually(async () => {
    const work = await nextWork(messaging, { signal, expiresMs: 1_000 })
    expect(work?.storeId).toBe('lost-3')
    return work
  })
  await delivered?.ack()
  const manager = await nats.connection.jetstreamManager()
  const before = await manager.consumers.info(eventStreamName, provisionersConsumer)
  expect(before.delivered.stream_seq).toBe(4)

  await nats.kill()
  await rm(messages, { recursive: true })
  await cp(backup.path, messages, { recursive: true })
  expect(await readdir(messages)).not.toHaveLength(0)
  await nats.restart()
  await publish('new')

  await eventually(async () => expect(await next()).toBe('new'))
})

async function folderOf(root: string, end: string): Promise<string> {
  const folders = await readdir(root, { recursive: true })
  const found = folders.find((folder) => folder.endsWith(end))
  if (found === undefined) throw new Error(`There is no ${end} in ${root}`)
  return join(root, found)
}
