import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'

export interface SystemUser {
  name: string
  uid: number
  gid: number
}

/**
 * Who PostgreSQL runs as. It refuses to run as root, so root hands it to an account every system
 * has; nobody else needs one. Adding accounts to a machine is not for us to do.
 */
export async function postgresUser(): Promise<SystemUser | undefined> {
  if (userInfo().uid !== 0) return undefined
  const accounts = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .map((line) => line.split(':'))
  for (const name of ['postgres', 'nobody']) {
    const account = accounts.find(([login]) => login === name)
    if (account) return { name, uid: Number(account[2]), gid: Number(account[3]) }
  }
  throw new Error(
    'PostgreSQL does not run as root, and there is neither a user postgres nor nobody here: run as another user, or set DATABASE_URL',
  )
}
