import { request as send, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { untilReady } from '../../../embedded/processes/start-process.ts'
import { startInContainer } from './in-container.ts'
import type { StoreOfImage } from './real-store.ts'

const PORT = 8080
const START_LIMIT_MS = 60_000
const ANSWER_LIMIT_MS = 60_000
/** Where the base image has `apache2-foreground`. */
const command = ['apache2', '-D', 'FOREGROUND']

export interface Asked {
  host?: string
  method?: string
  path: string
  headers?: Record<string, string>
  body?: string
}

/** The web server of the store; `ask` is a customer who comes through the gateway. */
export async function startWebServer(store: StoreOfImage) {
  const { wordpress, ready } = store.containers
  const logFile = join(store.folder, 'web.log')
  const server = await startInContainer(store.place, { env: wordpress.env, command }, logFile)
  const gateway = { ...ready.headers }
  const ask = async ({ host = '127.0.0.1', method = 'GET', path, headers, body }: Asked) => {
    const signal = AbortSignal.timeout(ANSWER_LIMIT_MS)
    const options = { host, port: PORT, method, path, signal, agent: false } as const
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      send({ ...options, headers: { ...gateway, ...headers } }, resolve)
        .on('error', reject)
        .end(body)
    })
    return { status: answer.statusCode ?? 0, headers: answer.headers, text: await text(answer) }
  }
  const probe = async () => void (await ask({ path: '/alive.txt' }))
  await untilReady(server, { name: 'Apache', logFile, timeoutMs: START_LIMIT_MS, probe })
  return { ask, logFile, pid: server.pid, [Symbol.asyncDispose]: server.stop }
}
export type WebServer = Awaited<ReturnType<typeof startWebServer>>
