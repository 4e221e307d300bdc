import { closeSync, existsSync, openSync } from 'node:fs'
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

/** What a child gets that runs as somebody else: its account, and files that are open already. */
export interface Handover {
  as: { uid?: number; gid?: number }
  /** To be given to the child as its descriptors from 3 on. */
  descriptors: number[]
  /** How the child names the paths. */
  names: string[]
  [Symbol.dispose]: () => void
}

const openFiles = '/proc/self/fd'

/**
 * Hands `paths` to `user`. They may lie below folders that only root may enter, as /root is: so root opens
 * them, and the child reaches them through its own descriptors without a right to pass those folders.
 */
export function handOver(user: SystemUser | undefined, paths: string[]): Handover {
  const as = user ? { uid: user.uid, gid: user.gid } : {}
  if (user === undefined || !existsSync(openFiles))
    return { as, descriptors: [], names: paths, [Symbol.dispose]: () => {} }
  const descriptors = paths.map((path) => openSync(path, 'r'))
  return {
    as,
    descriptors,
    names: paths.map((_, index) => `${openFiles}/${3 + index}`),
    [Symbol.dispose]: () => {
      for (const descriptor of descriptors) closeSync(descriptor)
    },
  }
}
