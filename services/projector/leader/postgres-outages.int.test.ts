import { openPool } from '#postgres'
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
