import { chmod, mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tempFolder } from '#test/temp-folder'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { lockDataFolder, writePids } from './data-folder.ts'

test('a folder that is in use is refused, saying by whom', async () => {
  await using folder = await tempFolder()
  const first = await lockDataFolder(folder.path)

  await expect(lockDataFolder(folder.path)).rejects.toThrow(
    `The data folder ${folder.path} is in use by process ${process.pid}`,
  )
  first.release()
})

test('a folder that was released can be locked again', async () => {
  await using folder = await tempFolder()
  const first = await lockDataFolder(folder.path)
  first.release()

  await expect(lockDataFolder(folder.path)).resolves.toBeDefined()
})

test('after a killed stack its children are waited for', async () => {
  await using folder = await tempFolder()
  const child = execa(process.execPath, ['-e', 'process.stdin.resume()'], { reject: false })
  const dead = Number((await execa(process.execPath, ['-p', 'process.pid'])).stdout)
  writePids(folder.path)('child', child.pid ?? 0)
  writePids(folder.path)('child', child.pid ?? 0)
  await writeFile(join(folder.path, `stack.lock.${dead}-1x-1.holds`), '')

  const locking = lockDataFolder(folder.path)
  child.stdin.end()
  await locking

  expect((await child).exitCode).toBe(0)
})

test.for([
  ['is made', 'data', 0o700],
  ['has its usual name', '.storewright', 0o700],
  ['somebody has named and made', 'shared', 0o755],
] as const)('a folder that %s may be entered as it should', async ([, name, mode]) => {
  await using folder = await tempFolder()
  const path = join(folder.path, name)
  if (name !== 'data') await mkdir(path)
  if (name !== 'data') await chmod(path, 0o755)

  const lock = await lockDataFolder(path)

  expect((await stat(path)).mode & 0o777).toBe(mode)
  lock.release()
})

test('a folder that cannot be written is one clear sentence', async () => {
  await using folder = await tempFolder()
  const file = join(folder.path, 'file')
  await writeFile(file, '')

  await expect(lockDataFolder(join(file, 'data'))).rejects.toThrow(
    `The data folder ${join(file, 'data')} cannot be written (ENOTDIR`,
  )
})
