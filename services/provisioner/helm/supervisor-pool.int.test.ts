import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { expect, test, vi } from 'vitest'
import { giveBackSupervisor, takeSupervisor, type Supervisor } from './supervisor-pool.ts'
import { runSupervised } from './run-supervised.ts'

// Prints the supervisor's pid.
const parent = 'echo $PPID'

test('runs one after the other need one supervisor, runs at once have one each', async () => {
  await using folder = await tempFolder()
  const first = await run(folder.path, parent)
  const [second, third] = await Promise.all([
    run(folder.path, `sleep 0.3; ${parent}`),
    run(folder.path, `sleep 0.3; ${parent}`),
  ])

  expect([second, third]).toContain(first)
  expect(second).not.toBe(third)
})

test('what came too late for a run does not reach the next', async () => {
  await using folder = await tempFolder()
  const supervisor = takeSupervisor()
  const heard = listen(supervisor)
  supervisor.say(order(folder.path, 'exit 3'))
  await eventually(() => expect(heard()).toMatchObject([{}, { ended: { code: 3 } }]))

  supervisor.say('stop')
  supervisor.say('1')
  supervisor.say(order(folder.path, 'sleep 0.3; exit 4'))

  await eventually(() => expect(heard()).toHaveLength(4))
  expect(heard()[3]).toEqual({ ended: { code: 4, signal: null, stderr: '' } })
  supervisor.dismiss()
  await supervisor.ended
})

test('what has escaped from a run and still prints does not print into the next', async () => {
  await using folder = await tempFolder()
  const escaped = `setsid sh -c 'sleep 1.5; echo late; echo later >&2' &`
  await run(folder.path, `${escaped} sleep 0.2; echo one`)

  expect(await run(folder.path, 'sleep 1; echo two')).toBe('two\n')
})

test('of supervisors without work one is left after a while', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  const spare = [takeSupervisor(), takeSupervisor(), takeSupervisor()]
  spare.forEach(giveBackSupervisor)
  vi.advanceTimersByTime(30_000)
  vi.useRealTimers()

  await eventually(() => expect(spare.filter((one) => one.hasEnded())).toHaveLength(2))
})

test('a supervisor that says what nobody understands is ended, and its run is lost', async () => {
  await using folder = await tempFolder()
  const supervisor = takeSupervisor()
  giveBackSupervisor(supervisor)

  const running = run(folder.path, 'sleep 60')
  supervisor.lines.emit('line', 'nonsense')

  await expect(running).rejects.toThrow('SUPERVISOR_LOST')
})

let runs = 0

/** What a script printed; throws unless it ended well. */
async function run(folder: string, script: string): Promise<string> {
  const { liveUntil: _, ...command } = orderOf(folder, script)
  const ended = await runSupervised(
    { ...command, heartbeatTimeoutMs: 6_000 },
    { signal: new AbortController().signal, deadline: () => inMs(60_000) },
  )
  if (ended.code !== 0) throw new Error(JSON.stringify(ended))
  return readFile(command.stdoutFile, 'utf8')
}

const order = (folder: string, script: string) => JSON.stringify(orderOf(folder, script))

function orderOf(folder: string, script: string) {
  return {
    command: '/bin/sh',
    args: ['-c', script],
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '' },
    stdoutFile: join(folder, `out-${++runs}`),
    stdoutBytesMax: 1_000,
    limitMs: 60_000,
    killAfterMs: 300,
    liveUntil: String(inMs(60_000)),
  }
}

function listen({ lines }: Supervisor): () => unknown[] {
  const heard: unknown[] = []
  lines.on('line', (line) => heard.push(JSON.parse(line)))
  return () => heard
}

const inMs = (ms: number): bigint => process.hrtime.bigint() + BigInt(ms) * 1_000_000n
