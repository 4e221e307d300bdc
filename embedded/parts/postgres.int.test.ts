import { testDatabase } from '#test/test-database'
import { expect, test } from 'vitest'

test('two tests that write the same table do not see each other', async () => {
  await using one = await testDatabase()
  await using other = await testDatabase()
  await one.pool.query('create table of_one (id int)')

  const { rows } = await other.pool.query(`select to_regclass('of_one') as found`)

  expect(rows).toEqual([{ found: null }])
})
