import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { z } from 'zod'

const tools = z.object({ 'nats-server': z.string(), helm: z.string() }).partial()
const foundBySetup = new URL('../node_modules/.cache/storewright/tools.json', import.meta.url)

/** The variable that names each program. */
export const toolVariables = { 'nats-server': 'NATS_SERVER_BIN', helm: 'HELM_BIN' } as const

/** The program its variable names, else the one the set-up step found or built, else the one on PATH. */
export function toolPath(name: keyof typeof toolVariables): string {
  const given = process.env[toolVariables[name]]
  if (given) return given
  try {
    return tools.parse(JSON.parse(readFileSync(foundBySetup, 'utf8')))[name] ?? name
  } catch {
    return name
  }
}

/** Where what was fetched or built once lies for all checkouts of this user. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  const base = env['XDG_CACHE_HOME']
  return join(base && isAbsolute(base) ? base : join(homedir(), '.cache'), 'storewright')
}
