import { EventStoreDBClient } from '@eventstore/db-client'
import { eventually } from '#test/eventually'
import { freezeProcess } from '#test/freeze-process'
import { tempFolder } from '#test/temp-folder'
import { appendRequests } from '#test/servers/raw-client'
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js'
import { credentials, type ServiceError, status as codes } from '@grpc/grpc-js'
import { execa } from 'execa'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { startEventStore } from '../start.ts'
import { collect, eventOf } from '#test/servers/official-client'

const program = fileURLToPath(new URL('../main.ts', import.meta.url))

/** Runs the program itself to its end. */
function run(args: string[], env: Record<string, string> = {}) {
  return execa(process.execPath, [program, ...args], { reject: false, timeout: 20_000, env })
}

test('a second server on one folder is refused and the first one named', async () => {
  await using folder = await tempFolder()
  await using first = await startEventStore({ dataDir: folder.path })

  const { exitCode, stderr } = await run(['--data-dir', folder.path, '--port', '0'])

  expect(exitCode).toBe(1)
  expect(stderr).toBe(
    `event store: The data folder ${folder.path} is in use by the event store with pid ${first.pid}. Stop it first.`,
  )
})

test.each(['.999999-1x-1.holds', '.1-1x-1.holds', '.nonsense', ''])(
  'the lock of a process that is gone or another one (%j) is taken over',
  async (owner) => {
    await using folder = await tempFolder()
    await writeFile(join(folder.path, `lock${owner}`), '')

    await using server = await startEventStore({ dataDir: folder.path })

    expect(server.pid).toBeGreaterThan(0)
  },
)

test('the folder is free again after kill -9, and tidy after an orderly end', async () => {
  await using folder = await tempFolder()
  const killed = await startEventStore({ dataDir: folder.path })
  process.kill(killed.pid, 'SIGKILL')
  await killed.exited

  const next = await startEventStore({ dataDir: folder.path })
  await next[Symbol.asyncDispose]()

  expect(await next.exited).toEqual({ code: 0, signal: null })
  expect((await readdir(folder.path)).toSorted()).toEqual(['events.log', 'events.log.end'])
})

test('a taken port is one clear sentence', async () => {
  await using folder = await tempFolder()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  const port = typeof address === 'object' && address ? address.port : 0

  const { exitCode, stderr } = await run(['--data-dir', folder.path, '--port', `${port}`])
  other.close()

  expect(exitCode).toBe(1)
  expect(stderr).toMatch(
    new RegExp(`^event store: Cannot listen on 127.0.0.1:${port}: the address is taken[^\n]*$`),
  )
})

test('a folder that cannot be used is one clear sentence', async () => {
  await using folder = await tempFolder()
  const file = join(folder.path, 'file')
  await writeFile(file, '')

  const { exitCode, stderr } = await run(['--data-dir', join(file, 'data'), '--port', '0'])

  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/^event store: Cannot use the data folder [^\n]*$/)
})

test('a log that cannot be opened is one clear sentence', async () => {
  await using folder = await tempFolder()
  await mkdir(join(folder.path, 'events.log'))

  const { exitCode, stderr } = await run(['--data-dir', folder.path, '--port', '0'])

  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/^event store: Cannot use the data folder [^\n]*EISDIR[^\n]*$/)
})

test.each([
  ['no folder', [], 'A data folder is needed'],
  ['a port that is none', ['--data-dir', 'x', '--port', 'http'], 'The port must be a number'],
  ['an unknown option', ['--data'], "Unknown option '--data'"],
])('%s is refused', async (_case, args, sentence) => {
  const { exitCode, stderr } = await run(args)

  expect(exitCode).toBe(1)
  expect(stderr).toContain(sentence)
})

test('the environment gives what the command line does not', async () => {
  await using folder = await tempFolder()
  const server = execa(process.execPath, [program, '--parent-pipe'], {
    env: { EVENTSTORE_DATA_DIR: folder.path, EVENTSTORE_PORT: '0', EVENTSTORE_HOST: '127.0.0.1' },
  })

  await eventually(async () => expect((await readdir(folder.path)).join()).toContain('lock.'))
  server.stdin.end()

  expect((await server).stdout).toContain('"msg":"listening","address":"127.0.0.1"')
})

test('a server whose parent dies ends itself', async () => {
  await using folder = await tempFolder()
  const { parent, pid } = await serverOfAnother(folder.path)

  parent.kill('SIGKILL')

  await eventually(() => expect(isAlive(pid)).toBe(false))
})

test('a server that cannot notice the death of its parent is ended', async () => {
  await using folder = await tempFolder()
  const { parent, pid } = await serverOfAnother(folder.path)
  freezeProcess(pid)

  parent.kill('SIGKILL')

  await eventually(() => expect(isAlive(pid)).toBe(false))
})

test('SIGTERM answers what was accepted and ends in order', { repeats: 4 }, async () => {
  await using folder = await tempFolder()
  const server = await startEventStore({ dataDir: folder.path })
  const client = EventStoreDBClient.connectionString(server.url)
  const following = client.subscribeToAll()
  const ended = once(following, 'error')
  await once(following, 'caughtUp')
  await client.appendToStream('warm', eventOf())
  const appends = Array.from({ length: 50 }, (_, n) => client.appendToStream(`s${n}`, eventOf()))
  process.kill(server.pid, 'SIGTERM')

  const answers = await Promise.allSettled(appends)

  expect(await server.exited).toEqual({ code: 0, signal: null })
  expect(await ended).toMatchObject([{ type: 'unavailable' }])
  await client.dispose()
  const acknowledged = answers.filter(({ status }) => status === 'fulfilled').length
  await using again = await startEventStore({ dataDir: folder.path })
  const reader = EventStoreDBClient.connectionString(again.url)
  const stored = await collect(reader.readAll())
  await reader.dispose()
  expect(stored.length).toBeGreaterThanOrEqual(acknowledged + 1)
})

test('an Append that is still open at SIGTERM is ended by the server', async () => {
  await using folder = await tempFolder()
  const server = await startEventStore({ dataDir: folder.path })
  const client = new StreamsClient(`127.0.0.1:${server.port}`, credentials.createInsecure())
  const append = () => {
    const { promise, resolve } = Promise.withResolvers<ServiceError | null>()
    return { call: client.append((error) => resolve(error)), ended: promise }
  }
  const open = append()
  for (const request of appendRequests('s')) open.call.write(request)
  // Calls of a connection arrive in their order.
  const empty = append()
  empty.call.end()
  await empty.ended

  process.kill(server.pid, 'SIGTERM')

  expect(await open.ended).toMatchObject({
    code: codes.UNAVAILABLE,
    details: 'The event store is shutting down.',
  })
  expect(await server.exited).toEqual({ code: 0, signal: null })
  client.close()
})

async function serverOfAnother(dataDir: string) {
  const start = JSON.stringify(new URL('../start.ts', import.meta.url).href)
  const source = `
    import { startEventStore } from ${start}
    const { pid } = await startEventStore({ dataDir: ${JSON.stringify(dataDir)} })
    console.log(pid)
    setInterval(() => {}, 1000)
  `
  const args = ['--input-type=module-typescript', '--eval', source]
  const parent = execa(process.execPath, args, { reject: false })
  const [line] = await once(createInterface(parent.stdout), 'line')
  return { parent, pid: z.coerce.number().int().positive().parse(line) }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
