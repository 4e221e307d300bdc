import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { startProcess, untilReady } from './start-process.ts'

const parent = fileURLToPath(new URL('fixtures/parent.ts', import.meta.url))

test('no child is left after kill -9 of its parent, not even one that will not end', async () => {
  await using folder = await tempFolder()
  const running = execa(process.execPath, [parent, folder.path], { reject: false })
  const [line] = await once(createInterface(running.stdout), 'line')
  const pids = z.array(z.int()).length(2).parse(JSON.parse(line))
  expect(pids.map(isAlive)).toEqual([true, true])

  running.kill('SIGKILL')

  await eventually(() => expect(pids.map(isAlive)).toEqual([false, false]))
})

test('stopping kills a child that does not end when asked', async () => {
  await using folder = await tempFolder()
  const args = [
    '-e',
    `process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 9)`,
  ]
  const logFile = join(folder.path, 'log')
  const options = { command: process.execPath, args, logFile, stopTimeoutMs: 100 }
  const child = await startProcess(options)
  await eventually(async () => expect(await readFile(logFile, 'utf8')).toContain('up'))

  await child.stop()

  expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' })
})

test('a log that has grown large is kept aside and a new one begun', async () => {
  await using folder = await tempFolder()
  const logFile = join(folder.path, 'log')
  await writeFile(logFile, 'x'.repeat(10 * 1024 * 1024 + 1))

  const args = ['-p', '"fresh"']
  const child = await startProcess({ command: process.execPath, args, logFile })
  await child.exited

  expect(await readFile(logFile, 'utf8')).toBe('fresh\n')
  expect(await readdir(folder.path)).toEqual(['log', 'log.1'])
})

test('the log of a process that goes on is bounded, and nothing it says last is lost', async () => {
  await using folder = await tempFolder()
  const logFile = join(folder.path, 'log')
  const args = ['-e', 'setInterval(() => console.log("x".repeat(99)), 1)']
  const bounds = { logBytesMax: 5_000, lookAtLogEveryMs: 20 }
  const child = await startProcess({ command: process.execPath, args, logFile, ...bounds })

  await eventually(async () => expect(await readdir(folder.path)).toEqual(['log', 'log.1']))
  await eventually(async () => expect((await readFile(logFile, 'utf8')).length).toBeGreaterThan(0))
  expect(await readFile(logFile, 'utf8')).toMatch(/^x/)
  await child.stop()
})

test('a process that does not become ready is told with why it was not', async () => {
  await using folder = await tempFolder()
  const logFile = join(folder.path, 'log')
  const child = await startProcess({
    command: process.execPath,
    args: [
      '-e',
      `process.on('SIGTERM', () => { console.log('ending'); process.exit() }); setInterval(() => {}, 9)`,
    ],
    logFile,
  })
  const probe = () => Promise.reject(new Error('the server does not support SSL'))

  const ready = untilReady(child, { name: 'The program', logFile, timeoutMs: 200, probe })

  await expect(ready).rejects.toThrow(
    `The program is not ready (the server does not support SSL): it said nothing (${logFile})`,
  )
})

test('a process that shows progress may take longer than one that does not', async () => {
  await using folder = await tempFolder()
  const logFile = join(folder.path, 'log')
  const args = ['-e', 'setInterval(() => {}, 9)']
  const child = await startProcess({ command: process.execPath, args, logFile })
  let looks = 0
  const progress = () => Promise.resolve(looks)
  const probe = () => (++looks > 60 ? Promise.resolve() : Promise.reject(new Error('not yet')))

  // Alone, 60 looks take longer than this.
  await untilReady(child, { name: 'The part', logFile, timeoutMs: 1_000, probe, progress })

  expect(looks).toBe(61)
  await child.stop()
})

test('a program that is not there is one clear sentence', async () => {
  await using folder = await tempFolder()
  const logFile = join(folder.path, 'log')

  const starting = startProcess({ command: '/no/such/program', args: [], logFile })

  await expect(starting).rejects.toThrow('/no/such/program cannot be started')
})

test('a process that ends before it is ready is told with the end of what it said', async () => {
  await using folder = await tempFolder()
  const logFile = join(folder.path, 'log')
  const args = ['-e', 'console.error("the disk is made of cheese"); process.exit(3)']
  const child = await startProcess({ command: process.execPath, args, logFile })
  const probe = () => Promise.reject(new Error('not yet'))

  const ready = untilReady(child, { name: 'The program', logFile, timeoutMs: 10_000, probe })

  await expect(ready).rejects.toThrow(
    `The program ended before it was ready: the disk is made of cheese (${logFile})`,
  )
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a process is not started while somebody else listens where it is to listen', async () => {
  await using folder = await tempFolder()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  const options = { command: process.execPath, args: ['-e', ''], logFile: join(folder.path, 'log') }

  await expect(startProcess({ ...options, port })).rejects.toThrow(
    `somebody else listens on port ${port}`,
  )
  other.close()
})

test('a failed start tells the line that says why, and none of an earlier start', async () => {
  await using folder = await tempFolder()
  const logFile = join(folder.path, 'log')
  await writeFile(logFile, 'FATAL: an earlier one\n')
  const start = async (lines: string[]) => {
    const script = `for (const line of ${JSON.stringify(lines)}) console.log(line)`
    const child = await startProcess({ command: process.execPath, args: ['-e', script], logFile })
    const probe = () => Promise.reject(new Error('no'))
    return untilReady(child, { name: 'It', logFile, timeoutMs: 30_000, probe })
  }
  const command = 'initdb -D /a/very/long/command'

  await expect(start([command, 'error: no space left', 'removing the folder'])).rejects.toThrow(
    `It ended before it was ready: error: no space left (${logFile})`,
  )
  await expect(start(['one', 'two'])).rejects.toThrow('It ended before it was ready: one | two')
})
