import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { buildServer } from './build-server.ts'

test('a process that is too busy refuses requests and still answers for its health', async () => {
  const logger = createLogger({ service: 'test', level: 'silent' })
  const app = buildServer({ service: 'test', logger, auth: { mode: 'off' }, loopDelayMaxMs: 10 })
  app.get('/work', { config: { policy: 'read' } }, async () => 'done')
  await app.ready()

  const refused = await eventually(async () => {
    block(100)
    const answer = await app.inject('/work')
    expect(answer.statusCode).toBe(503)
    return answer
  })

  expect(refused.json()).toMatchObject({ code: 'OVERLOADED', retryable: true })
  expect((await app.inject('/health/ready')).statusCode).toBe(200)
  await app.close()
})

test.for([
  [60_000, 200],
  [100, 503],
] as const)(
  'with %i ms allowed, a request behind a turn of 700 ms that left no sample is answered %i',
  async ([loopDelayMaxMs, status]) => {
    const logger = createLogger({ service: 'test', level: 'silent' })
    const app = buildServer({ service: 'test', logger, auth: { mode: 'off' }, loopDelayMaxMs })
    app.get('/work', { config: { policy: 'read' } }, async () => 'done')
    await app.ready()
    for (let turns = 0; turns < 10 && app.memoryUsage().eventLoopDelay !== Infinity; turns++) {
      block(700)
      await nextTurn()
    }
    expect(app.memoryUsage().eventLoopDelay).toBe(Infinity)

    expect((await app.inject('/work')).statusCode).toBe(status)
    await app.close()
  },
)

function block(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}
