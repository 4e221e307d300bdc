import { chown, mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startProcess, type RunningProcess } from '../../../embedded/processes/start-process.ts'

const WWW_DATA = 33
const enter = fileURLToPath(new URL('enter.sh', import.meta.url))
/** What the base image of WordPress sets, and Debian's Apache names. */
const baseImage = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin',
  // An empty part stands for PHP's own folder.
  PHP_INI_SCAN_DIR: ':/usr/local/etc/php/conf.d',
  APACHE_RUN_USER: 'www-data',
  APACHE_RUN_GROUP: 'www-data',
  APACHE_LOG_DIR: '/tmp',
}

export interface Container {
  env: Record<string, string>
  command: string[]
}

/** Starts a container's program as a process that sees the place alone. Its pid is the program's own. */
export async function startInContainer(
  place: string,
  { env, command }: Container,
  logFile: string,
): Promise<RunningProcess> {
  // The web server opens its log by a path, as the user it is.
  await mkdir(dirname(logFile), { recursive: true })
  await writeFile(logFile, '', { flag: 'a' })
  await chown(logFile, WWW_DATA, WWW_DATA)
  const args = ['--mount', '--propagation', 'private', '--', 'sh', enter, place, ...command]
  return startProcess({ command: 'unshare', args, env: { ...baseImage, ...env }, logFile })
}
