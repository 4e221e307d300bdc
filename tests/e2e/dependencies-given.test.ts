import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { startPostgres } from '../../embedded/dependencies/postgres.ts'
import { freePort } from '../../embedded/processes/free-port.ts'
import { eventually } from '#test/eventually'
import { npmStart } from '#test/stack/npm-start'
import { tempFolder } from '#test/temp-folder'
import { testEventStore } from '#test/servers/test-eventstore'
import { testNats } from '#test/servers/test-nats'

const patience = { timeoutMs: 60_000, everyMs: 200 }
const readiness = z.object({ failing: z.array(z.string()) })

test('dependencies that are given are used and not started; readiness names each one that is down', async () => {
  await using folder = await tempFolder()
  const database = {
    dataDir: join(folder.path, 'postgres'),
    logFile: join(folder.path, 'log'),
    port: await freePort(),
    durable: false,
  }
  let postgres = await startPostgres(database)
  await using nats = await testNats()
  await using eventStore = await testEventStore()
  await using stack = await npmStart({
    DATABASE_URL: postgres.url,
    NATS_URL: nats.url,
    EVENTSTORE_URL: eventStore.url,
    LOG_LEVEL: 'error',
  })
  const started = ['event-store', 'nats-server', 'postgres'].filter((name) =>
    existsSync(join(stack.dataDir, name)),
  )
  expect(started).toEqual([])

  await postgres.stop()
  await untilDown(stack.url, 'postgres')
  postgres = await startPostgres(database)
  await untilReady(stack.url)

  await nats.kill()
  await untilDown(stack.url, 'nats')
  await nats.restart()
  await untilReady(stack.url)

  await eventStore.kill()
  await untilDown(stack.url, 'eventStore')
  await eventStore.restart()
  await untilReady(stack.url)

  expect(stack.lines().filter(({ level }) => level === 'info')).toEqual([])
  await postgres.stop()
})

async function untilDown(url: string, dependency: string): Promise<void> {
  await eventually(async () => {
    const { status, failing } = await ready(url)
    expect(status).toBe(503)
    expect(failing).toContain(dependency)
    expect((await fetch(`${url}/health/live`)).status).toBe(200)
  }, patience)
}

async function untilReady(url: string): Promise<void> {
  await eventually(
    async () => expect(await ready(url)).toEqual({ status: 200, failing: [] }),
    patience,
  )
}

async function ready(url: string) {
  const answer = await fetch(`${url}/health/ready`)
  return { status: answer.status, ...readiness.parse(await answer.json()) }
}
