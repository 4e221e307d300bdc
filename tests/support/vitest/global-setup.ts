import { join } from 'node:path'
import { migrate } from '#postgres'
import { Client } from 'pg'
import type { TestProject } from 'vitest/node'
import { startPostgres } from '../../../embedded/dependencies/postgres.ts'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { tempFolder } from '../temp-folder.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
    templateDatabase: string
  }
}

const TEMPLATE = 'template_storewright'

/** One real PostgreSQL per run with one migrated template; each test copies it. */
export default async function setup(project: TestProject) {
  const folder = await tempFolder('storewright-postgres-')
  const server = await startPostgres({
    dataDir: folder.path,
    logFile: join(folder.path, 'postgres.log'),
    port: await freePort(),
    durable: false,
  })
  await createTemplate(server.url)
  project.provide('postgresUrl', server.url)
  project.provide('templateDatabase', TEMPLATE)
  return async () => {
    await server.stop()
    await folder[Symbol.asyncDispose]()
  }
}

async function createTemplate(url: string): Promise<void> {
  const client = new Client(url)
  await client.connect()
  await client.query(`create database ${TEMPLATE}`)
  await client.end()
  await migrate(Object.assign(new URL(url), { pathname: TEMPLATE }).href)
}
