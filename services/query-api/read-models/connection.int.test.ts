import { afterAll, expect, test } from 'vitest'
import { testDatabase } from '#test/servers/test-database'
import { readModels } from './connection.ts'

const database = await testDatabase()
afterAll(() => database[Symbol.asyncDispose]())
const models = readModels(database.pool)

test.for(['0000-01-01', 'a\0b', '9'.repeat(400)])(
  'a value that PostgreSQL refuses is not an outage: %s',
  async (value) => {
    const query = models.query({ name: '', text: 'select $1::timestamptz', values: [value] })

    await expect(query).rejects.toMatchObject({ code: 'REQUEST_INVALID', retryable: false })
  },
)

test('a wrong statement is not an outage', async () => {
  const query = models.query({ name: '', text: 'selekt 1', values: [] })

  await expect(query).rejects.not.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
})

test('tables that are not there yet are an outage', async () => {
  const query = models.query({ name: '', text: 'select * from not_migrated', values: [] })

  await expect(query).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', retryable: true })
})
