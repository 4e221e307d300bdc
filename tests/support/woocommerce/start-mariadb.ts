import { join } from 'node:path'
import { execa } from 'execa'
import { startProcess, untilReady } from '../../../embedded/processes/start-process.ts'

const START_LIMIT_MS = 60_000
const QUERY_LIMIT_MS = 60_000
const quick = [
  '--innodb-flush-log-at-trx-commit=0',
  '--skip-innodb-doublewrite',
  '--innodb-buffer-pool-size=128M',
]

export type Mariadb = Awaited<ReturnType<typeof startMariadb>>

/** A real MariaDB on `port` of loopback with one database and its user, both called `wordpress`, as the chart has it. */
export async function startMariadb(folder: string, port: number, password: string) {
  const datadir = join(folder, 'database')
  const socket = join(folder, 'mariadb.sock')
  const common = ['--no-defaults', '--user=root', `--datadir=${datadir}`]
  const install = [...common, '--auth-root-authentication-method=socket', '--skip-test-db']
  await execa('mariadb-install-db', install, { timeout: START_LIMIT_MS })
  const sql = async (query: string): Promise<string[][]> => {
    const args = ['--no-defaults', `--socket=${socket}`, '--batch', '--skip-column-names']
    const options = { input: query, timeout: QUERY_LIMIT_MS }
    const { stdout } = await execa('mariadb', [...args, '--user=root'], options)
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t'))
  }
  const start = async () => {
    const listen = [`--socket=${socket}`, `--port=${port}`, '--bind-address=127.0.0.1']
    const logFile = join(folder, 'mariadb.log')
    const args = [...common, ...listen, ...quick, `--pid-file=${join(folder, 'mariadb.pid')}`]
    const server = await startProcess({ command: 'mariadbd', args, logFile })
    const probe = async () => void (await sql('select 1'))
    await untilReady(server, { name: 'MariaDB', logFile, timeoutMs: START_LIMIT_MS, probe })
    return server
  }
  let server = await start()
  await sql(
    `create user wordpress@'%' identified by '${password}'; grant all on wordpress.* to wordpress@'%'`,
  )
  return {
    sql: (query: string) => sql(`use wordpress; ${query}`),
    /** All tables and rows, as SQL that puts them in the place of what is there. */
    dump: async () => {
      const args = ['--no-defaults', `--socket=${socket}`, '--user=root', 'wordpress']
      return (await execa('mariadb-dump', args, { timeout: QUERY_LIMIT_MS })).stdout
    },
    /** The database as the first set-up finds it. */
    empty: () => sql('drop database if exists wordpress; create database wordpress'),
    stop: () => server.stop(),
    start: async () => void (server = await start()),
    [Symbol.asyncDispose]: () => server.stop(),
  }
}
