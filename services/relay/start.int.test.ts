import { eventually } from '#test/eventually'
import { testEventStore } from '#test/servers/test-eventstore'
import { testNats } from '#test/servers/test-nats'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { parseConfig, parseResyncConfig } from './config.ts'
import { start } from './start.ts'

const health = z.object({ failing: z.array(z.string()) })

async function readiness(url: string) {
  const answer = await fetch(`${url}/health/ready`)
  return { code: answer.status, failing: health.parse(await answer.json()).failing }
}

test('a relay without its servers is alive, names what it waits for, and can be stopped', async () => {
  const addresses = {
    EVENTSTORE_URL: 'esdb://127.0.0.1:1?tls=false',
    NATS_URL: 'nats://127.0.0.1:1',
  }
  const relay = await start(parseConfig({ ...addresses, LOG_LEVEL: 'silent' }))

  const ready = await readiness(relay.url)
  const live = await fetch(`${relay.url}/health/live`)
  await relay.close()

  expect(ready).toMatchObject({ code: 503, failing: ['eventStore', 'nats', 'relay'] })
  expect(live.status).toBe(200)
})

test('a relay is ready when both servers answer, and not while NATS is gone', async () => {
  await using nats = await testNats()
  await using log = await testEventStore()
  const addresses = { EVENTSTORE_URL: log.url, NATS_URL: nats.url }
  const relay = await start(parseConfig({ ...addresses, LOG_LEVEL: 'silent' }))
  await eventually(async () => expect((await readiness(relay.url)).code).toBe(200))

  await nats.kill()
  const gone = await eventually(async () => {
    const answer = await readiness(relay.url)
    expect(answer.failing).toEqual(['nats', 'relay'])
    return answer.code
  })
  await relay.close()

  expect(gone).toBe(503)
})

test('every problem of the configuration is said', () => {
  const parse = () => parseConfig({ NATS_URL: 'http://x', RELAY_WINDOW: '0' })
  for (const name of ['EVENTSTORE_URL', 'NATS_URL', 'RELAY_WINDOW']) expect(parse).toThrow(name)
  expect(() => parseResyncConfig({})).toThrow('NATS_URL')
})
