import { electLeader, openPool, watchStoreChanges } from '#postgres'
import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { freezeProcess } from '#test/freeze-process'
import { ownPostgres } from '#test/projector/own-postgres'
import { history, projectedLog } from '#test/projector/projected-log'
import { expect, test } from 'vitest'
import { rebuildReadModels } from '../rebuild/rebuild-read-models.ts'

const logger = createLogger({ service: 'test', level: 'silent' })

test('F39: Postgres killed and started again, and a frozen backend: the projector resumes, and nothing differs', async () => {
  await using postgres = await ownPostgres()
  await using world = await projectedLog()
  await using projector = await world.projector({ DATABASE_URL: postgres.url })
  const pool = openPool({ url: postgres.url, logger, max: 2 })
  const follows = async (first: number) => {
    await world.append(history({ first, stores: 5, steps: 4 }))
    await eventually(() => world.hasCaughtUp(pool), { timeoutMs: 25_000 })
  }
  await follows(0)

  await postgres.crash()
  await world.append(history({ first: 100, stores: 5, steps: 4 }))
  await eventually(() => expect(projector.lines.at(-1)).toMatchObject({ phase: 'failing' }))
  await postgres.restart()
  await follows(200)

  const { rows } = await pool.query<{ pid: number }>(
    `select pid from pg_stat_activity where application_name = 'storewright projector'`,
  )
  const pid = rows[0]?.pid ?? 0
  freezeProcess(pid)
  await eventually(() =>
    expect(projector.lines.at(-1)).toMatchObject({
      phase: 'standby',
    }),
  )
  process.kill(pid, 'SIGCONT')
  await follows(300)

  await pool.end()
  expect(await projector.stop()).toBe(0)
  const { store } = world
  expect(
    await rebuildReadModels({ databaseUrl: postgres.url, store, accept: false }),
  ).toMatchObject({ basis: 'same position', total: 0 })
}, 120_000)

test('a Postgres that answers and has no space for a write is tried less and less', async () => {
  await using postgres = await ownPostgres()
  await using world = await projectedLog()
  const pool = openPool({ url: postgres.url, logger, max: 2 })
  await pool.query(`create function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'no space left on device' using errcode = 'disk_full'; end $$`)
  await pool.query('create trigger no_space before insert on stores execute function refuse()')
  await using projector = await world.projector({ DATABASE_URL: postgres.url })

  await world.append(history({ stores: 1, steps: 1 }))

  const tried = expect.arrayContaining([expect.objectContaining({ pauseMs: 1_600 })])
  await eventually(() => expect(projector.lines).toEqual(tried), { timeoutMs: 30_000 })
  await pool.query('drop trigger no_space on stores')
  await eventually(() => world.hasCaughtUp(pool))
  await pool.end()
}, 120_000)

test('Postgres that is asked to shut down ends, as pool, listener, leader and standby leave it', async () => {
  await using postgres = await ownPostgres()
  const { url } = postgres
  const stop = new AbortController()
  const { signal } = stop
  const pool = openPool({ url, logger, lifetimeSeconds: 1 })
  await pool.query('select 1')
  const listening = Promise.withResolvers<void>()
  const onChange = () => listening.resolve()
  const watching = watchStoreChanges({ url, logger, signal, onChange, probeEveryMs: 100 })
  await listening.promise
  const standingBy = Promise.withResolvers<void>()
  const onStandby = () => standingBy.resolve()
  const timing = { silenceMs: 1_000, probeEveryMs: 100 }
  const options = { url, of: 'projector', ...timing, signal, onStandby } as const
  const leader = await electLeader(options)
  const standby = electLeader(options)
  await standingBy.promise
  const leave = (leadership: typeof leader) => {
    const end = () => void leadership[Symbol.asyncDispose]()
    if (leadership.lost.aborted) return end()
    leadership.lost.addEventListener('abort', end)
  }
  leave(leader)
  // It may get the lock when the leader has left.
  standby.then(leave, () => {})

  await postgres.shutDown()

  await expect(pool.query('select 1')).rejects.toThrow(/ECONNREFUSED/)
  expect(leader.lost.aborted).toBe(true)
  stop.abort()
  await watching
  await pool.end()
  await postgres.restart()
})
