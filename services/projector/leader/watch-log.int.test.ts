import { randomUUID } from 'node:crypto'
import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { history, projectedLog } from '#test/projector/projected-log'
import { expect, test } from 'vitest'
import { createMetrics } from '../metrics.ts'
import { watchLog } from './watch-log.ts'

test('the lag grows while events wait, and is 0 when none does; a foreign checkpoint ends the watch', async () => {
  await using world = await projectedLog()
  const { store } = world
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const logger = createLogger({ service: 'test', level: 'info', destination })
  const metrics = createMetrics()
  const stop = new AbortController()
  let held: { position: bigint; eventId: string } | undefined
  const watching = watchLog({
    store,
    logger,
    metrics,
    verifyEveryMs: 20,
    signal: stop.signal,
    checkpoint: () => held,
  })
  watching.catch(() => {})
  const lag = async () => (await metrics.lag.get()).values[0]?.value

  await world.append(history({ stores: 1, steps: 2 }))
  await eventually(async () => expect(await lag()).toBeGreaterThan(0))
  const head = await store.head()
  held = head && { position: head.position, eventId: head.id }
  await eventually(async () => expect(await lag()).toBe(0))
  await world.log.kill()
  await eventually(() => expect(lines.join('')).toContain('the event log cannot be checked'))
  await world.log.restart()
  held = head && { position: head.position, eventId: randomUUID() }

  await expect(watching).rejects.toMatchObject({ code: 'EVENT_LOG_DIVERGED' })
})
