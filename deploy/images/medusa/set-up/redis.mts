import { connect } from 'node:net'

const TIMEOUT_MS = 10_000
/** Medusa holds it for an hour while it runs migration scripts, and keeps it when it is killed. */
const SCRIPTS_LOCK = 'medusa_lock:migration-scripts-running'

/** Lets migration scripts run that a killed set-up has locked; only for who holds the lock of the set-up. */
export async function releaseScripts(): Promise<void> {
  await send(['DEL', SCRIPTS_LOCK])
}

/** Empties the store's Redis: jobs, cached answers and locks. */
export async function forgetEverything(): Promise<void> {
  await send(['FLUSHALL'])
}

/** Sends one command, after the password of REDIS_URL; throws what Redis refuses. */
async function send(command: string[]): Promise<void> {
  const { hostname, port, username, password } = new URL(process.env['REDIS_URL'] ?? '')
  const login = ['AUTH', username || 'default', decodeURIComponent(password)]
  const commands = password === '' ? [command] : [login, command]
  const socket = connect({ host: hostname, port: Number(port) })
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('Redis does not answer')))
  socket.write(commands.map(encode).join(''))
  let heard = ''
  // Leaving the loop ends the connection.
  for await (const chunk of socket) {
    heard += String(chunk)
    const answers = heard.split('\r\n').slice(0, -1)
    const refusal = answers.find((answer) => answer.startsWith('-'))
    if (refusal !== undefined) throw new Error(`Redis: ${refusal.slice(1)}`)
    if (answers.length === commands.length) return
  }
  throw new Error(`Redis did not answer ${command[0]}`)
}

function encode(parts: string[]): string {
  const texts = parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`)
  return `*${parts.length}\r\n${texts.join('')}`
}
