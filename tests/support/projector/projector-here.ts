import { parseConfig } from '../../../services/projector/config.ts'
import { start } from '../../../services/projector/start.ts'

/** The projector inside the test's own process; ended with the test. */
export async function projectorHere(env: Record<string, string>) {
  const { url, close } = await start(parseConfig({ LOG_LEVEL: 'silent', ...env }))
  let closed: Promise<void> | undefined
  const stop = () => (closed ??= close())
  const get = (path: string) => fetch(`${url}${path}`)
  return { get, stop, [Symbol.asyncDispose]: stop }
}
