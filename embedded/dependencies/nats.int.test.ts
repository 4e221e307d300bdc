import { testNats } from '#test/servers/test-nats'
import { expect, test } from 'vitest'

test('what JetStream acknowledged is there after kill -9 and a restart on the same port', async () => {
  await using nats = await testNats()
  const manager = await nats.connection.jetstreamManager()
  await manager.streams.add({ name: 'KEPT', subjects: ['kept.>'] })
  await nats.connection.jetstream().publish('kept.one', 'payload')

  await nats.kill()
  await nats.restart()

  expect((await manager.streams.info('KEPT')).state.messages).toBe(1)
})
