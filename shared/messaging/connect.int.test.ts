import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { testMessaging } from '#test/servers/test-messaging'
import { testNats } from '#test/servers/test-nats'
import { expect, test } from 'vitest'
import { connectMessaging } from './connect.ts'

const logger = createLogger({ service: 'test', level: 'silent' })

test('a service that starts before NATS connects when it comes', async () => {
  await using nats = await testNats()
  await nats.kill()
  const connecting = connectMessaging({ url: nats.url, name: 'early', logger })

  await nats.restart()
  const messaging = await connecting

  expect(messaging.isConnected()).toBe(true)
  await messaging.close()
})

test('a service that is stopped before NATS comes does not wait for it', async () => {
  const url = 'nats://127.0.0.1:1'
  const connecting = connectMessaging({
    url,
    name: 'early',
    logger,
    signal: AbortSignal.timeout(50),
  })

  await expect(connecting).rejects.toMatchObject({ code: 'MESSAGING_UNAVAILABLE' })
})

test('F29: the connection comes back after kill -9 of the server and says so', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  const heard: string[] = []
  messaging.onDisconnect(() => heard.push(`lost, up for ${messaging.connectedForMs()} ms`))
  messaging.onReconnect(() => heard.push(`connect ${messaging.connects()}`))

  await nats.kill()
  await eventually(() => expect(messaging.isConnected()).toBe(false))
  await nats.restart()
  await eventually(() => expect(messaging.isConnected()).toBe(true))

  expect(heard).toEqual(['lost, up for 0 ms', 'connect 2'])
  await messaging.ping(2_000)
})

test('a listener that was taken away hears nothing more', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  const heard: string[] = []
  const forget = messaging.onDisconnect(() => heard.push('lost'))

  forget()
  await nats.kill()
  await eventually(() => expect(messaging.isConnected()).toBe(false))

  expect(heard).toEqual([])
})

test('F33: a frozen server is noticed, and the connection is back when it thaws', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)

  nats.freeze()
  await expect(messaging.ping(200)).rejects.toMatchObject({ code: 'MESSAGING_UNAVAILABLE' })
  await eventually(() => expect(messaging.isConnected()).toBe(false), { timeoutMs: 20_000 })
  nats.thaw()

  await eventually(() => expect(messaging.isConnected()).toBe(true))
})

test('a connection that has ended for good is told, one that was closed on purpose is not', async () => {
  await using nats = await testNats()
  const told: string[] = []
  const connect = (name: string) =>
    connectMessaging({ url: nats.url, name, logger, onClosed: () => told.push(name) })
  const [ended, closed] = [await connect('ended'), await connect('closed')]

  await closed.close()
  await ended.connection.close()

  await eventually(() => expect(told).toEqual(['ended']))
  expect(ended.isConnected()).toBe(false)
})
