import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import { packBox } from '#test/real-node/box-image'
import { hostState } from '#test/real-node/host-state'

const program = join(import.meta.dirname, 'main.ts')

test('the command brings real pods up with an image, says what runs, and down ends all of it', async () => {
  await using temp = await tempFolder('storewright-command-')
  const folder = join(temp.path, 'cluster')
  const archive = await packBox(temp.path)
  const up = command(folder, 'up', '--image', archive)
  await up.running()

  expect(await command(folder, 'status').output).toContain('kubelet (pid ')
  expect(await command(folder, 'down').output).toBe('The cluster is down; its data is kept.\n')

  expect(await up.code).toBe(0)
  expect(await up.output).toContain(`${archive} is imported`)
  expect(await command(folder, 'wipe').output).toContain('is removed')
  expect([folder, '/run/storewright-node'].filter(existsSync)).toEqual([])
})

test('down clears what a start that was killed has left on the host', async () => {
  await using temp = await tempFolder('storewright-command-')
  const folder = join(temp.path, 'cluster')
  const before = await hostState(folder)
  const up = command(folder, 'up')
  await up.running()
  up.child.kill('SIGKILL')
  await once(up.child, 'exit')

  expect(await command(folder, 'down').output).toBe('The cluster does not run.\n')

  expect(await hostState(folder)).toEqual(before)
})

function command(folder: string, ...args: string[]) {
  const child = spawn(process.execPath, [program, '--real', '--folder', folder, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const code = once(child, 'exit').then(([exitCode]: unknown[]) => exitCode)
  let hasEnded = false
  void code.then(() => (hasEnded = true))
  const isUp = () => hasEnded || existsSync(join(folder, 'running.json'))
  return {
    child,
    code,
    output: text(child.stdout),
    /** Resolves when it says that it is up, or has ended. */
    running: () => eventually(() => expect(isUp()).toBe(true), { timeoutMs: 180_000 }),
  }
}
