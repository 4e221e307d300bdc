import { join } from 'node:path'
import { tempFolder } from '../temp-folder.ts'
import { chartContainers } from './chart-containers.ts'
import { startInContainer } from './in-container.ts'
import { makePlace, newSecrets, type Sources } from './place.ts'
import { sqlGate } from './sql-gate.ts'
import { startMariadb } from './start-mariadb.ts'

/** The network is a namespace of the run: the chart's own ports are free in it. */
const DATABASE_PORT = 3306
const BEHIND_THE_GATE = 3307

export interface StoreOptions {
  /** Values of the chart. */
  values?: Record<string, unknown>
  /** A file: the certificate its image trusts. */
  certificate?: string
  mailLogin?: { username: string; password: string }
}
export type RealStore = Awaited<ReturnType<typeof realStore>>
export type StoreOfImage = Awaited<ReturnType<RealStore['withImage']>>

/** A WooCommerce store of the image's own files with a real database, not set up yet. */
export async function realStore(sources: Sources, options: StoreOptions = {}) {
  await using stack = new AsyncDisposableStack()
  const { path: folder } = stack.use(await tempFolder('storewright-woocommerce-'))
  const secrets = { ...(await newSecrets()), ...(options.mailLogin && { mail: options.mailLogin }) }
  const password = secrets.store['database-password'] ?? ''
  const database = stack.use(await startMariadb(folder, BEHIND_THE_GATE, password))
  const gate = stack.use(await sqlGate(DATABASE_PORT, BEHIND_THE_GATE))
  await database.empty()
  const containers = await chartContainers(options.values)
  const logFile = join(folder, 'set-up.log')
  /** The same store by an image of other sources. */
  const withImage = async (name: string, image: Sources) => {
    const place = join(folder, name)
    await makePlace(place, image, { secrets, certificate: options.certificate })
    const start = (container: keyof typeof programs, command = programs[container]) =>
      startInContainer(place, { env: containers[container].env, command }, logFile)
    const programs = { 'set-up': containers['set-up'].command, cron: containers.cron.command }
    return { folder, place, database, gate, containers, logFile, secrets, start }
  }
  const store = await withImage('place', sources)
  const parts = stack.move()
  return { ...store, withImage, [Symbol.asyncDispose]: () => parts.disposeAsync() }
}
