import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { eventually } from '#test/eventually'
import { freezeProcess } from '#test/freeze-process'
import { expect, test } from 'vitest'
import { killGroup } from './run-supervised.ts'

const idle = 'setInterval(() => {}, 1e3)'

test('a group is killed with all it holds, and a group that is gone is no error', async () => {
  const { pid, parent } = await startGroup()
  await killGroup(pid)
  await eventually(() => expect(() => process.kill(-pid, 0)).toThrow('ESRCH'))
  await killGroup(pid)
  parent.kill()
})

test.runIf(process.platform === 'linux')('what nobody reaps counts as gone', async () => {
  const { pid, parent } = await startGroup()
  freezeProcess(parent.pid ?? 0)
  await killGroup(pid)
  expect(process.kill(-pid, 0)).toBe(true)
  parent.kill('SIGKILL')
})

/** A process group of two whose parent is a process of its own. */
async function startGroup() {
  const leader = `require('node:child_process').spawn(process.execPath, ['-e', '${idle}']);${idle}`
  const script = `const { spawn } = require('node:child_process')
const leader = spawn(process.execPath, ['-e', ${JSON.stringify(leader)}], { detached: true })
console.log(leader.pid)`
  const parent = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(parent.stdout, 'data')
  return { pid: Number(String(line)), parent }
}
