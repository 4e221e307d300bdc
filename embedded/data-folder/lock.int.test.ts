import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tempFolder } from '#test/temp-folder'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { claimFolder } from './lock.ts'
import { writePids } from './pids.ts'

test('a folder that is in use is refused, saying by whom', async () => {
  await using folder = await tempFolder()
  const first = await claimFolder(folder.path)

  await expect(claimFolder(folder.path)).rejects.toThrow(
    `The data folder ${folder.path} is in use by process ${process.pid}`,
  )
  await first.release()
})

test('a folder that was released can be claimed again', async () => {
  await using folder = await tempFolder()
  await (await claimFolder(folder.path)).release()

  await expect(claimFolder(folder.path)).resolves.toBeDefined()
})

test('the claim of a process that died is taken over', async () => {
  await using folder = await tempFolder()
  const dead = Number((await execa(process.execPath, ['-p', 'process.pid'])).stdout)
  await writeFile(join(folder.path, 'stack.lock'), JSON.stringify({ pid: dead }))

  await expect(claimFolder(folder.path)).resolves.toBeDefined()
})

test('a claim whose pid another process has got since is taken over', async () => {
  await using folder = await tempFolder()
  const stale = { pid: process.pid, startedAt: '1' }
  await writeFile(join(folder.path, 'stack.lock'), JSON.stringify(stale))

  await expect(claimFolder(folder.path)).resolves.toBeDefined()
})

test('after a killed stack its children are waited for', async () => {
  await using folder = await tempFolder()
  const child = execa(process.execPath, ['-e', 'process.stdin.resume()'], { reject: false })
  const dead = Number((await execa(process.execPath, ['-p', 'process.pid'])).stdout)
  writePids(folder.path)('part', child.pid ?? 0)
  writePids(folder.path)('part', child.pid ?? 0)
  await writeFile(join(folder.path, 'stack.lock'), JSON.stringify({ pid: dead }))

  const claiming = claimFolder(folder.path)
  child.stdin.end()
  await claiming

  expect((await child).exitCode).toBe(0)
})

test('a folder that cannot be written is one clear sentence', async () => {
  await using folder = await tempFolder()
  const file = join(folder.path, 'file')
  await writeFile(file, '')

  await expect(claimFolder(join(file, 'data'))).rejects.toThrow(
    `The data folder ${join(file, 'data')} cannot be written (ENOTDIR`,
  )
})
