import { eventually } from '#test/eventually'
import { history, projectedLog } from '#test/projector/projected-log'
import { slowTransactions } from '#test/projector/slow-transactions'
import { tcpProxy } from '#test/projector/tcp-proxy'
import { afterAll, expect, test } from 'vitest'

const rounds = Number(process.env['FAULT_ROUNDS'] ?? 6)

const world = await projectedLog()
const { pool } = world.database
const slow = await slowTransactions(pool)
let next = 0
const something = () => history({ first: (next += 10), stores: 10, steps: 4 })
afterAll(() => world[Symbol.asyncDispose]())

test('F37: a projector killed in mid-transaction again and again leaves what a rebuild makes', async () => {
  for (let round = 0; round < rounds; round++) {
    await (round % 2 === 0 ? slow.beforeCommit() : slow.withinCommit())
    await using projector = await world.projector()
    await world.append(something())
    await slow.lingering()
    await projector.kill()
  }

  await slow.off()
  await using last = await world.projector()
  await world.caughtUp()
  await last.stop()
  expect(await world.rebuild()).toMatchObject({ basis: 'same position', total: 0 })
}, 120_000)

test('F40: when nobody knows whether COMMIT was done, the checkpoint is read again', async () => {
  await using proxy = await tcpProxy(world.database.url)
  await using projector = await world.projector({ DATABASE_URL: proxy.url })
  await slow.withinCommit()
  await world.append(something())
  await slow.lingering()

  proxy.cut()

  await slow.off()
  await world.append(something())
  await world.caughtUp()
  await projector.stop()
  expect(projector.lines.filter(({ msg }) => msg.startsWith('projecting failed'))).toHaveLength(1)
  expect(await world.rebuild()).toMatchObject({ total: 0 })
})

test('F38: of two projectors one writes; the other takes over when it is killed', async () => {
  await using one = await world.projector()
  await eventually(() => expect(phases(one)).toEqual(['following']))
  await using other = await world.projector()
  await eventually(() => expect(phases(other)).toEqual(['standby']))

  await one.kill()
  await world.append(something())
  await world.caughtUp()

  expect(phases(other)).toEqual(['standby', 'following'])
  expect(await world.rebuild()).toMatchObject({ total: 0 })
})

test('F38: a projector that is frozen in mid-transaction loses the right to write, and stands by when it wakes', async () => {
  await using one = await world.projector()
  await eventually(() => expect(phases(one)).toEqual(['following']))
  await using other = await world.projector()
  await eventually(() => expect(phases(other)).toEqual(['standby']))
  await slow.beforeCommit()
  await world.append(something())
  await slow.lingering()

  one.freeze()
  await slow.off()
  await world.append(something())
  await world.caughtUp()
  one.thaw()

  expect(phases(other)).toEqual(['standby', 'following'])
  await eventually(() => expect(phases(one).at(-1)).toBe('standby'))
  expect(await world.rebuild()).toMatchObject({ total: 0 })
})

test('F39: a backend that is ended from outside costs a pause, not the process', async () => {
  await using projector = await world.projectorHere()
  await world.caughtUp()
  await slow.beforeCommit()
  await world.append(something())

  await pool.query('select pg_terminate_backend($1)', [await slow.lingering()])

  await slow.off()
  await world.caughtUp()
  expect((await projector.get('/health/ready')).status).toBe(200)
  expect(await world.rebuild()).toMatchObject({ total: 0 })
})

function phases({ lines }: { lines: { msg: string; phase?: unknown }[] }): unknown[] {
  return lines.filter(({ msg }) => msg === 'projector phase').map(({ phase }) => phase)
}
