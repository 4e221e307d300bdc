import { readFile, stat } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'

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

export interface UserCommand {
  command: string
  args: string[]
  uid?: number
  gid?: number
}

/**
 * The command as `user` runs it. Where one of `paths` lies below a folder only root may enter, as
 * /root is, the process keeps the one right to pass through folders.
 */
export async function asUser(
  user: SystemUser | undefined,
  { command, args }: UserCommand,
  paths: string[],
): Promise<UserCommand> {
  if (user === undefined) return { command, args }
  const { uid, gid } = user
  if (await areReachable([command, ...paths])) return { command, args, uid, gid }
  const right = await rightToPass()
  const rights = [`--inh-caps=-all,+${right}`, `--ambient-caps=+${right}`]
  const as = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...rights]
  return { command: 'setpriv', args: [...as, '--', command, ...args] }
}

async function areReachable(paths: string[]): Promise<boolean> {
  for (const path of paths)
    for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder))
      if (((await stat(folder)).mode & 0o001) === 0) return false
  return true
}

// Containers usually take the narrower right from root and leave it the wider one.
async function rightToPass(): Promise<'dac_read_search' | 'dac_override'> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  const effective = BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(status)?.[1] ?? '0'}`)
  return (effective & 0b100n) === 0n ? 'dac_override' : 'dac_read_search'
}
