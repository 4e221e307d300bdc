import { expect, test } from 'vitest'
import { AppError } from '#domain'
import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { buildServer } from '../build-server.ts'

/** A server whose one route and one check fail as told, and the lines it logs. */
function failing(failure: () => Error) {
  const chunks: string[] = []
  const destination = { write: (chunk: string) => void chunks.push(chunk) }
  const logger = createLogger({ service: 'test', level: 'info', destination })
  const checks = { eventStore: () => Promise.reject(failure()) }
  const app = buildServer({ service: 'test', logger, auth: { mode: 'off' }, checks })
  app.get('/work', { config: { policy: 'read' } }, () => Promise.reject(failure()))
  const lines = (msg: string): Record<string, unknown>[] =>
    chunks
      .map((line): Record<string, unknown> => JSON.parse(line))
      .filter((line) => line['msg'] === msg)
  return { app, lines }
}

const away = () => new AppError('EVENT_STORE_UNAVAILABLE', 'The event store is not available')

test.for([
  ['/work', 'request failed'],
  ['/health/ready', 'not ready'],
] as const)('the failures of an outage at %s are few lines that count them', async ([url, msg]) => {
  const { app, lines } = failing(away)

  for (let sent = 0; sent < 50; sent++) await app.inject(url)

  await eventually(() => {
    const counted = lines(msg).map(({ times }) => Number(times ?? 1))
    expect(counted.reduce((sum, times) => sum + times, 0)).toBe(50)
    expect(counted.length).toBeLessThan(10)
  })
  expect(lines(msg).every(({ err }) => JSON.stringify(err).includes('stack'))).toBe(true)
  await app.close()
})

test('each failed request stands in the log with its correlation id and its code', async () => {
  const { app, lines } = failing(away)

  for (const id of ['one', 'two', 'three'])
    await app.inject({ url: '/work', headers: { 'x-correlation-id': id } })

  const code = 'EVENT_STORE_UNAVAILABLE'
  expect(lines('request answered')).toMatchObject(
    ['one', 'two', 'three'].map((correlationId) => ({ correlationId, code, status: 503 })),
  )
  await app.close()
})

test('an unexpected failure is not hidden behind another one', async () => {
  const failures = [away(), new TypeError('x is undefined'), new RangeError('y is too long')]
  const { app, lines } = failing(() => failures.shift() ?? away())

  for (let sent = 0; sent < 3; sent++) await app.inject('/work')

  expect(lines('request failed')).toHaveLength(3)
  await app.close()
})

test('a path of its own is no id to the service that has only the paths with ids', async () => {
  const logger = createLogger({ service: 'test', level: 'silent' })
  const app = buildServer({ service: 'test', logger, auth: { mode: 'off' } })
  app.delete('/api/v1/stores/:id', { config: { policy: 'write' } }, async () => 'deleted')

  const answers = []
  for (const path of ['stream', 'stream/', 'stream?a=1', 'streams'])
    answers.push(await app.inject({ method: 'DELETE', url: `/api/v1/stores/${path}` }))

  expect(answers.map(({ statusCode, headers }) => [statusCode, headers['allow']])).toEqual([
    [405, 'GET, HEAD'],
    [405, 'GET, HEAD'],
    [405, 'GET, HEAD'],
    [200, undefined],
  ])
  await app.close()
})
