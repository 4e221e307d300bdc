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
    const until = performance.now() + 100
    while (performance.now() < until);
    const answer = await app.inject('/work')
    expect(answer.statusCode).toBe(503)
    return answer
  })

  expect(refused.json()).toMatchObject({ code: 'OVERLOADED', retryable: true })
  expect((await app.inject('/health/ready')).statusCode).toBe(200)
  await app.close()
})
