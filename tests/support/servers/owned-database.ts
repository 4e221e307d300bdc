import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { inject } from 'vitest'

/** An empty database with an owner of its own, as a store has it; returns its URL. It goes with the PostgreSQL of this run. */
export async function ownedDatabase(): Promise<string> {
  const name = `store_${randomUUID().slice(0, 8)}`
  const client = new Client({ connectionString: inject('postgresUrl') })
  await client.connect()
  try {
    await client.query(`create role ${name} login password '${name}'`)
    await client.query(`create database ${name} owner ${name}`)
  } finally {
    await client.end()
  }
  const owned = { pathname: name, username: name, password: name }
  return Object.assign(new URL(inject('postgresUrl')), owned).href
}
