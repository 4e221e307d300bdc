import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** Where what was fetched or built once lies for all checkouts of this user. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  const base = env['XDG_CACHE_HOME']
  return join(base && isAbsolute(base) ? base : join(homedir(), '.cache'), 'storewright')
}
