import { cp, rm } from 'node:fs/promises'
import { eventually } from '#test/eventually'
import { history, projectedLog } from '#test/projector/projected-log'
import { repair } from '#test/projector/repair'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import { runReplayParked } from '../replay-parked/run-replay-parked.ts'

test('F34: a log restored from an older backup is refused loudly, until a rebuild follows it', async () => {
  await using world = await projectedLog()
  await using backup = await tempFolder()
  await world.append(history({ stores: 5, steps: 3 }))
  await world.log.kill()
  await cp(world.log.dataDir, backup.path, { recursive: true })
  await world.log.restart()
  await world.append(history({ first: 10, stores: 5, steps: 3 }))
  await using projector = await world.projector()
  await world.caughtUp()

  await world.log.kill()
  await rm(world.log.dataDir, { recursive: true })
  await cp(backup.path, world.log.dataDir, { recursive: true })
  await world.log.restart()

  const refusal = await eventually(
    () => {
      const line = projector.lines.find(({ phase }) => phase === 'diverged')
      if (line === undefined) throw new Error('nothing was refused')
      return line
    },
    { timeoutMs: 20_000 },
  )
  expect(refusal).toMatchObject({ level: 'error', err: { code: 'EVENT_LOG_DIVERGED' } })
  const ready = await fetch(`${await projector.url()}/health/ready`)
  expect(ready.status).toBe(503)
  expect(await ready.json()).toMatchObject({ failing: ['projector'] })
  expect(await repair('rebuild.ts', world)).toMatchObject({
    exitCode: 1,
    stdout: expect.stringContaining('made from another event log'),
  })
  expect(await repair('rebuild.ts', world, '--accept')).toMatchObject({ exitCode: 0 })
  await world.append(history({ first: 20, stores: 2, steps: 2 }))
  await world.caughtUp()
  expect(await world.rebuild()).toMatchObject({ basis: 'same position', total: 0 })
}, 90_000)

test('F34: another event at the same position is refused too', async () => {
  await using world = await projectedLog()
  await world.append(history({ stores: 1, steps: 1 }))
  await world.rebuild()
  await world.database.pool.query('update projection_checkpoints set event_id = gen_random_uuid()')

  await using projector = await world.projectorHere()

  await eventually(async () => {
    const ready = await projector.get('/health/ready')
    expect(await ready.json()).toMatchObject({ failing: ['projector'] })
  })
  await eventually(async () =>
    expect(await (await projector.get('/metrics')).text()).toContain('projector_leader 0'),
  )
})

test('the event store killed and started again: the projector goes on', async () => {
  await using world = await projectedLog()
  await world.append(history({ stores: 5, steps: 3 }))
  await using projector = await world.projectorHere()
  await world.caughtUp()

  await world.log.kill()
  await world.log.restart()
  await world.append(history({ first: 10, stores: 5, steps: 3 }))

  await world.caughtUp()
  expect((await projector.get('/health/ready')).status).toBe(200)
  expect(await world.rebuild()).toMatchObject({ total: 0 })
})

test('a projector started before everything it needs waits, says so, and begins when it is there', async () => {
  await using world = await projectedLog()
  await world.append(history({ stores: 2, steps: 2 }))
  await world.log.kill()
  await using projector = await world.projectorHere()
  const ready = async () => (await projector.get('/health/ready')).status
  await eventually(async () => expect(await ready()).toBe(503))

  await world.log.restart()

  await eventually(async () => expect(await ready()).toBe(200))
  await world.caughtUp()
})

test('F41: a poison event is parked with its store, counted, and projected later', async () => {
  await using world = await projectedLog()
  const { pool } = world.database
  await pool.query(`alter table stores add constraint poison check (name <> 'Store 3')`)
  await using projector = await world.projectorHere()
  await world.append(history({ stores: 6, steps: 3 }))
  await world.caughtUp()
  const parked = await pool.query<{ reason: string }>(
    'select * from parked_events order by position',
  )
  const metrics = await (await projector.get('/metrics')).text()
  expect(parked.rows[0]?.reason).toContain('Postgres refused it')
  expect(new Set(parked.rows.slice(1).map(({ reason }) => reason))).toEqual(
    new Set(['follows a parked event']),
  )
  expect(metrics).toContain(`projector_parked_events_total ${parked.rowCount}`)
  expect(await runReplayParked([], world.ends)).toBe(1)
  expect((await pool.query('select * from stores')).rowCount).toBe(5)

  await pool.query('alter table stores drop constraint poison')
  const replayed = await repair('replay-parked.ts', world)

  expect(replayed).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('all projected') })
  expect(await world.rebuild()).toMatchObject({ basis: 'same position', total: 0 })
  expect((await repair('replay-parked.ts', world)).stdout).toBe('No events are parked.')
})
