import { readFile, stat } from 'node:fs/promises'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { eventually } from '#test/eventually'
import { freezeProcess } from '#test/freeze-process'
import { helmStub, type Behaviour } from '#test/provisioner/helm-stub'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import { runSupervised, type Permission } from './run-supervised.ts'

test('a run that ends by itself is told with its code, its errors and its whole output', async () => {
  await using folder = await tempFolder()
  const { ended, stdoutFile } = await start(folder.path, { exitCode: 3, stderr: 'Error: no' })
  expect(await ended).toMatchObject({ code: 3, signal: null, stderr: 'Error: no\n' })
  expect(await readFile(stdoutFile, 'utf8')).toContain('kind: ConfigMap')
  expect((await stat(stdoutFile)).mode & 0o777).toBe(0o600)
})

test('a program that cannot be started is told as such', async () => {
  await using folder = await tempFolder()
  const { ended } = await start(folder.path, {}, { command: join(folder.path, 'none') })
  expect(await ended).toMatchObject({ code: null, reason: 'NOT_STARTED' })
})

test('a program whose output cannot be written is not started, and the file is named', async () => {
  await using folder = await tempFolder()
  const missing = join(folder.path, 'missing', 'stdout')
  const { ended, helm } = await start(folder.path, {}, { stdoutFile: missing })
  expect(await ended).toMatchObject({
    code: null,
    reason: 'OUTPUT_FAILED',
    stderr: expect.stringContaining(missing),
  })
  expect(await helm.runs()).toEqual([])
})

test('the program sees nothing of the environment but what it is given', async () => {
  await using folder = await tempFolder()
  process.env['SECRET_OF_THE_TEST'] = 'x'
  const args = ['-e', 'console.log(Object.keys(process.env).join())']
  const { ended, stdoutFile } = await start(folder.path, {}, { command: process.execPath, args })
  await ended
  delete process.env['SECRET_OF_THE_TEST']
  expect((await readFile(stdoutFile, 'utf8')).trim()).toBe('PATH')
})

test('a stop ends a program that ignores SIGTERM, and what it has left behind', async () => {
  await using folder = await tempFolder()
  const hangs = { hang: true, ignoreTerm: true, grandchild: true }
  const { ended, stop, running } = await start(folder.path, hangs)
  const { pid } = await running()
  stop()
  expect(await ended).toMatchObject({ signal: 'SIGKILL', reason: 'STOPPED' })
  await eventually(() => expect(() => process.kill(-pid, 0)).toThrow('ESRCH'))
})

test('more output than allowed ends the program', async () => {
  await using folder = await tempFolder()
  const { ended, stdoutFile } = await start(folder.path, { stdoutBytes: 2 ** 28 })
  expect(await ended).toMatchObject({ reason: 'OUTPUT_TOO_LARGE' })
  expect((await stat(stdoutFile)).size).toBeLessThanOrEqual(1_000_000)
})

test('the end of the lease ends the program though nobody says stop', async () => {
  await using folder = await tempFolder()
  const { ended } = await start(folder.path, { hang: true }, { deadline: inMs(1_500) })
  expect(await ended).toMatchObject({ reason: 'LEASE_EXPIRED' })
})

test('without a lease nothing is started', async () => {
  await using folder = await tempFolder()
  const { ended, helm } = await start(folder.path, {}, { deadline: inMs(-1) })
  expect(await ended).toMatchObject({ reason: 'LEASE_EXPIRED' })
  expect(await helm.runs()).toEqual([])
})

test('a supervisor that was killed takes its program with it before the run settles', async () => {
  await using folder = await tempFolder()
  const { ended, running } = await start(folder.path, { hang: true, ignoreTerm: true })
  const { pid } = await running()
  process.kill(parentOf(pid), 'SIGKILL')
  expect(await ended).toMatchObject({ reason: 'SUPERVISOR_LOST' })
  await eventually(() => expect(() => process.kill(-pid, 0)).toThrow('ESRCH'))
})

test('a frozen supervisor does not hold up a stop', async () => {
  await using folder = await tempFolder()
  const { ended, stop, running } = await start(folder.path, { hang: true })
  const { pid } = await running()
  freezeProcess(parentOf(pid))
  stop()
  expect(await ended).toMatchObject({ reason: 'SUPERVISOR_LOST' })
  await eventually(() => expect(() => process.kill(-pid, 0)).toThrow('ESRCH'))
})

test('a supervisor that was started ahead and died is not asked to run anything', async () => {
  await using folder = await tempFolder()
  await using other = await tempFolder()
  await (
    await start(folder.path, {})
  ).ended
  const ahead = await eventually(() => supervisors()[0] ?? Promise.reject(new Error('none')))
  process.kill(ahead, 'SIGKILL')
  await eventually(() => expect(() => process.kill(ahead, 0)).toThrow('ESRCH'))

  expect(await (await start(other.path, {})).ended).toMatchObject({ code: 0 })
})

test('a supervisor that was started ahead does not outlive its process, nor keep it alive', async () => {
  const module = JSON.stringify(new URL('supervisor-pool.ts', import.meta.url).href)
  const source = `
    const { readySupervisor } = await import(${module})
    readySupervisor()
    const { execFileSync } = await import('node:child_process')
    console.log(execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
      .split('\\n').find((row) => row.includes(process.pid) && row.includes('supervisor.js')))
  `
  const args = ['--input-type=module-typescript', '--eval', source]
  const said = execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 })

  const pid = Number.parseInt(said)
  expect(pid).toBeGreaterThan(0)
  await eventually(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'))
})

interface Change {
  stdoutFile?: string
  command?: string
  args?: string[]
  deadline?: Permission['deadline']
}

async function start(folder: string, behaviour: Behaviour, change: Change = {}) {
  const helm = await helmStub(join(folder, 'stub'), { otherwise: behaviour })
  const stopping = new AbortController()
  const { stdoutFile = join(folder, 'stdout') } = change
  const ended = runSupervised(
    {
      command: change.command ?? helm.executable,
      args: change.args ?? ['template', '--values', '/dev/null', '--', 's-x', 'chart'],
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '' },
      stdoutFile,
      stdoutBytesMax: 1_000_000,
      limitMs: 60_000,
      killAfterMs: 300,
      heartbeatTimeoutMs: 6_000,
    },
    { signal: stopping.signal, deadline: change.deadline ?? inMs(60_000) },
  )
  const running = () =>
    eventually(async () => {
      const [run] = await helm.runs()
      if (run === undefined) throw new Error('helm has not run yet')
      return run
    })
  return { ended, stop: () => stopping.abort(), stdoutFile, helm, running }
}

function inMs(ms: number): Permission['deadline'] {
  const at = process.hrtime.bigint() + BigInt(ms) * 1_000_000n
  return () => at
}

function parentOf(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8' }))
}

/** Supervisors that are children of this process. */
function supervisors(): number[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter((row) => row.includes('supervisor.js'))
    .map((row) => row.trim().split(/\s+/, 2).map(Number))
    .flatMap(([pid = 0, parent]) => (parent === process.pid ? [pid] : []))
}
