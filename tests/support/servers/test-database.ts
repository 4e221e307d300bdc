import { randomUUID } from 'node:crypto'
import { Client, Pool } from 'pg'
import { inject } from 'vitest'

/** A migrated database of its own for one test; `await using` drops it however the test ends. */
export async function testDatabase() {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await asAdmin(`create database ${name} template ${inject('templateDatabase')} strategy file_copy`)
  const url = Object.assign(new URL(inject('postgresUrl')), { pathname: name }).href
  const pool = new Pool({ connectionString: url, max: 5 })
  // A test may end the server's side of a connection; the next query tells it.
  pool.on('error', () => {})
  return {
    url,
    pool,
    name,
    [Symbol.asyncDispose]: async () => {
      await pool.end()
      await asAdmin(`drop database ${name} with (force)`)
    },
  }
}

async function asAdmin(statement: string): Promise<void> {
  const client = new Client({ connectionString: inject('postgresUrl'), query_timeout: 30_000 })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
