import { eventually } from '#test/eventually'
import { freezeProcess } from '#test/freeze-process'
import { testDatabase } from '#test/servers/test-database'
import { expect, test } from 'vitest'
import { electLeader } from './elect.ts'

const silenceMs = 1_000
const of = 'projector'
const never = new AbortController().signal

test('of two only one leads; the other stands by, and leads when the first has ended', async () => {
  await using database = await testDatabase()
  const { url } = database
  let standsBy = 0
  const onStandby = () => void standsBy++
  const first = await electLeader({ url, of, silenceMs, signal: never, onStandby })
  const waiting = electLeader({ url, of, silenceMs, signal: never, onStandby })
  await eventually(() => expect(standsBy).toBe(1))

  await first[Symbol.asyncDispose]()

  await using second = await waiting
  expect(await second.use((client) => client.query('select 1 as one'))).toMatchObject({
    rows: [{ one: 1 }],
  })
})

test('who leads one work is in the way of nobody who leads another', async () => {
  await using database = await testDatabase()
  const { url } = database
  const onStandby = () => {
    throw new Error('it stands by')
  }
  await using projector = await electLeader({ url, of, silenceMs, signal: never, onStandby })

  await using worker = await electLeader({
    url,
    of: 'operations',
    silenceMs,
    signal: never,
    onStandby,
  })

  expect([projector.lost.aborted, worker.lost.aborted]).toEqual([false, false])
})

test('one that stands by gives up when it is told to', async () => {
  await using database = await testDatabase()
  const { url } = database
  await using first = await electLeader({ url, of, silenceMs, signal: never, onStandby: () => {} })
  const stop = new AbortController()

  const waiting = electLeader({
    url,
    of,
    silenceMs,
    signal: stop.signal,
    onStandby: () => stop.abort(),
  })

  await expect(waiting).rejects.toThrow(/aborted/)
  expect(first.lost.aborted).toBe(false)
})

test('a leader is heard by the server while it has nothing to do, longer than its silence may last', async () => {
  await using database = await testDatabase()
  const { url, pool } = database
  await using leader = await electLeader({ url, of, silenceMs, signal: never, onStandby: () => {} })

  await eventually(async () => {
    const { rows } = await pool.query(
      `select now() - backend_start > interval '2 seconds' as outlived from pg_stat_activity
       where application_name = 'storewright projector' and datname = current_database()`,
    )
    expect(rows).toEqual([{ outlived: true }])
  })

  expect(leader.lost.aborted).toBe(false)
})

test('a leader whose connection is ended learns it at once', async () => {
  await using database = await testDatabase()
  const { url, pool } = database
  await using leader = await electLeader({ url, of, silenceMs, signal: never, onStandby: () => {} })

  await pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name = 'storewright projector' and datname = current_database()`,
  )

  await eventually(() => expect(leader.lost.aborted).toBe(true))
})

test('a leader whose server is frozen does not wait for its answer', async () => {
  await using database = await testDatabase()
  const { url, pool } = database
  await using leader = await electLeader({ url, of, silenceMs, signal: never, onStandby: () => {} })
  const { rows } = await pool.query<{ pid: number }>(
    `select pid from pg_stat_activity
     where application_name = 'storewright projector' and datname = current_database()`,
  )
  const pid = rows[0]?.pid
  if (pid === undefined) throw new Error('the leader has no server process')

  freezeProcess(pid)

  await eventually(() => expect(String(leader.lost.reason)).toContain('has not answered'))
  process.kill(pid, 'SIGCONT')
})

test('a server that is away is an error', async () => {
  const url = 'postgres://nobody@127.0.0.1:1/none'
  await expect(
    electLeader({ url, of, silenceMs, signal: never, onStandby: () => {} }),
  ).rejects.toThrow('ECONNREFUSED')
})
