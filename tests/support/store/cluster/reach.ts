import type { StoreWorld } from '../store-world.ts'

const PATIENCE_MS = 4_000
const script = `
const [host, port] = process.argv.slice(1)
const socket = require('node:net').connect({ host, port: Number(port), timeout: ${PATIENCE_MS} })
const say = (word) => { console.log(word); process.exit(0) }
socket.once('connect', () => say('open'))
socket.once('timeout', () => say('silent'))
socket.once('error', ({ code }) => say(code))
`

/** What a container hears when it connects: `open`, `silent`, or the error's code. */
export function reach(
  { inPod }: StoreWorld,
  from: Parameters<StoreWorld['inPod']>[0],
  [host, port]: [string, number],
): Promise<string> {
  return inPod(from, ['node', '--eval', script, '--', host, String(port)])
}
