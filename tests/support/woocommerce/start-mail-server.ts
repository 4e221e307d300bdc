import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { TLSSocket, type TLSSocketOptions } from 'node:tls'
import { execa } from 'execa'

export const MAIL_HOST = 'smtp.example.com'
const PORT = 587

interface Mail {
  from: string
  to: string
  /** The login it came with. */
  user: string
  text: string
}

/** An SMTP server that takes mails after STARTTLS and a login alone, and keeps them. `certificate` is a file. */
export async function startMailServer(folder: string) {
  const certificate = join(folder, 'mail.crt')
  const keyFile = join(folder, 'mail.key')
  const names = ['-subj', `/CN=${MAIL_HOST}`, '-addext', `subjectAltName=DNS:${MAIL_HOST}`]
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', keyFile]
  await execa('openssl', ['req', '-x509', ...key, '-out', certificate, '-days', '2', ...names], {
    timeout: 30_000,
  })
  const tls = { cert: await readFile(certificate), key: await readFile(keyFile), isServer: true }
  const mails: Mail[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
    socket.write('220 test\r\n')
    void serve(socket, tls, mails).catch(() => {})
  })
  server.listen(PORT, '127.0.0.1')
  await once(server, 'listening')
  return {
    certificate,
    mails,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function serve(socket: Socket, tls: TLSSocketOptions, mails: Mail[]): Promise<void> {
  await untilSecured(socket)
  await talk(new TLSSocket(socket, tls), mails)
}

/** Without encryption nothing is said but that there is some; ends when the client asks for it. */
async function untilSecured(socket: Socket): Promise<void> {
  for (;;) {
    const chunk = await new Promise<Buffer>((resolve) => socket.once('data', resolve))
    const isStart = /^starttls/i.test(chunk.toString())
    socket.write(isStart ? '220 go ahead\r\n' : '250-test\r\n250 STARTTLS\r\n')
    if (isStart) return
  }
}

async function talk(socket: TLSSocket, mails: Mail[]): Promise<void> {
  socket.on('error', () => {})
  const say = (line: string) => socket.write(`${line}\r\n`)
  const next = lineReader(socket)
  const mail: Mail = { from: '', to: '', user: '', text: '' }
  for (;;) {
    const line = await next()
    const verb = line.slice(0, 4).toUpperCase()
    const address = /<(.*)>/.exec(line)?.[1] ?? ''
    if (verb === 'QUIT') return void socket.end('221 bye\r\n')
    if (verb === 'EHLO') say('250-test\r\n250 AUTH PLAIN')
    else if (verb === 'AUTH') {
      say('334 ')
      const login = Buffer.from(await next(), 'base64').toString()
      mail.user = login.split('\0').slice(1).join(':')
      say('235 in')
    } else if (mail.user === '') say('530 log in')
    else if (verb === 'DATA') {
      say('354 go on')
      mails.push({ ...mail, text: await textOf(next) })
      say('250 kept')
    } else {
      if (verb === 'MAIL') mail.from = address
      if (verb === 'RCPT') mail.to = address
      say('250 yes')
    }
  }
}

/** One line after the other; QUIT when there is none. */
function lineReader(socket: TLSSocket): () => Promise<string> {
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  return async () => {
    const result = await lines.next()
    return result.done ? 'QUIT' : result.value
  }
}

async function textOf(next: () => Promise<string>): Promise<string> {
  let text = ''
  for (let line = await next(); line !== '.'; line = await next()) text += `${line}\n`
  return text
}
