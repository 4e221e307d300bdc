import { join } from 'node:path'
import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import { freePort } from './free-port.ts'
import { startProcess } from './start-process.ts'
import { startNats } from '../dependencies/nats.ts'
import { toolPath } from '../tools.ts'
import { supervise } from './supervise.ts'

const logger = createLogger({ service: 'test', level: 'silent' })

test('a component that was killed with -9 is started again on the same port', async () => {
  await using folder = await tempFolder()
  const place = { dataDir: folder.path, logFile: join(folder.path, 'log'), port: await freePort() }
  const pids: number[] = []
  const start = () => startNats({ executable: toolPath('nats-server'), ...place })
  const onStarted = (_name: string, pid: number) => void pids.push(pid)
  const component = await supervise({ name: 'nats-server', start }, { logger, onStarted })

  process.kill(component.first.pid, 'SIGKILL')

  // Started means that a client could connect to the port it had.
  await eventually(() => expect(pids).toHaveLength(2))
  expect(pids[1]).not.toBe(pids[0])
  await component.stop()
})

test('a component that cannot be started again is tried until it can', async () => {
  await using folder = await tempFolder()
  const attempts: boolean[] = []
  let broken = false
  const start = async () => {
    attempts.push(broken)
    if (broken) throw new Error('not now')
    return sleeper(folder.path)
  }
  const pids: number[] = []
  const onStarted = (_name: string, pid: number) => void pids.push(pid)
  const component = await supervise({ name: 'sleeper', start }, { logger, onStarted })

  broken = true
  process.kill(component.first.pid, 'SIGKILL')
  await eventually(() => expect(attempts.length).toBeGreaterThan(2))
  broken = false

  await eventually(() => expect(pids).toHaveLength(2))
  await component.stop()
})

test('a component whose pid cannot be written down runs, and is ended with the rest', async () => {
  await using folder = await tempFolder()
  const children: { pid: number; exited: Promise<unknown> }[] = []
  const start = async () => {
    const child = await sleeper(folder.path)
    children.push(child)
    return child
  }
  let isFull = false
  const onStarted = () => {
    if (isFull) throw new Error('ENOSPC')
  }
  const component = await supervise({ name: 'sleeper', start }, { logger, onStarted })

  isFull = true
  process.kill(component.first.pid, 'SIGKILL')
  await eventually(() => expect(children).toHaveLength(2))
  await component.stop()

  expect(await Promise.all(children.map((child) => child.exited))).toHaveLength(2)
})

test('a component that says at two looks in a row that it works no more is ended and started again', async () => {
  await using folder = await tempFolder()
  const pids: number[] = []
  const onStarted = (_name: string, pid: number) => void pids.push(pid)
  const said: (string | undefined)[] = ['for a moment', undefined, 'broken', 'broken']
  const problem = async () => said.shift()
  const start = async () => ({ ...(await sleeper(folder.path)), problem })
  const options = { logger, onStarted, lookEveryMs: 20 }
  const component = await supervise({ name: 'sleeper', start }, options)

  await component.first.exited

  expect(said).toEqual([])
  await eventually(() => expect(pids).toHaveLength(2))
  await component.stop()
})

test('a component that is stopped is not started again', async () => {
  await using folder = await tempFolder()
  const pids: number[] = []
  const onStarted = (_name: string, pid: number) => void pids.push(pid)
  const start = () => sleeper(folder.path)
  const component = await supervise({ name: 'sleeper', start }, { logger, onStarted })

  await component.stop()

  await component.first.exited
  expect(pids).toHaveLength(1)
})

test('a component that ends while it is being stopped in the middle of a start is not left behind', async () => {
  await using folder = await tempFolder()
  const children: { pid: number; exited: Promise<unknown> }[] = []
  const release = Promise.withResolvers<void>()
  const start = async () => {
    if (children.length > 0) await release.promise
    const child = await sleeper(folder.path)
    children.push(child)
    return child
  }
  const component = await supervise({ name: 'sleeper', start }, { logger, onStarted: () => {} })
  process.kill(component.first.pid, 'SIGKILL')
  await component.first.exited

  const stopped = component.stop()
  release.resolve()
  await stopped

  expect(await Promise.all(children.map((child) => child.exited))).toHaveLength(children.length)
})

function sleeper(folder: string) {
  const args = ['-e', 'setInterval(() => {}, 1000)']
  return startProcess({ command: process.execPath, args, logFile: join(folder, 'sleeper.log') })
}
