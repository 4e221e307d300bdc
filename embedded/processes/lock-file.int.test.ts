import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { tempFolder } from '#test/temp-folder'
import { holderOf, identityOf, shareLock, takeLock } from './lock-file.js'

const module = fileURLToPath(new URL('lock-file.js', import.meta.url))
const racers = 6

test('of processes that start at once on the lock of a dead one, one gets it', async () => {
  for (let round = 0; round < 3; round++) {
    await using folder = await tempFolder()
    const path = join(folder.path, 'lock')
    await leftBehind(path, `${await deadPid()}-1x-1`)

    const startAt = Date.now() + 1_500
    const won = await Promise.all(Array.from({ length: racers }, () => race(path, startAt)))

    expect(won.filter(Boolean)).toHaveLength(1)
  }
})

test('a lock is released with the process, whatever its files hold', async () => {
  await using folder = await tempFolder()
  const path = join(folder.path, 'lock')
  await leftBehind(path, `${await deadPid()}-1x-1`)
  await writeFile(path, '')

  const lock = takeLock(path)

  expect(lock).toHaveProperty('release')
  expect(holderOf(path)).toBe(process.pid)
})

test('the lock of a pid that another process has got since is nobody’s', async () => {
  await using folder = await tempFolder()
  const path = join(folder.path, 'lock')
  await leftBehind(path, `${process.pid}-1x-1`)

  expect(holderOf(path)).toBeUndefined()
  expect(takeLock(path)).toHaveProperty('release')
})

test('a lock that is held or shared is refused with the pid of its holder, until it is released', async () => {
  await using folder = await tempFolder()
  const path = join(folder.path, 'lock')

  const held = [shareLock(path), shareLock(path)]
  expect(takeLock(path)).toEqual({ holder: process.pid })
  for (const each of held) each.release()

  expect(takeLock(path)).toHaveProperty('release')
  expect(takeLock(path)).toEqual({ holder: process.pid })
})

test('a process that has ended is nobody', async () => {
  expect(identityOf(await deadPid())).toBe('')
  expect(identityOf(process.pid)).toMatch(new RegExp(`^${process.pid}-.+`))
})

test('nothing is left of a lock that was released', async () => {
  await using folder = await tempFolder()
  const path = join(folder.path, 'lock')
  const lock = takeLock(path)

  if ('release' in lock) lock.release()

  expect(await readdir(folder.path)).toEqual([])
})

async function leftBehind(path: string, ticket: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  for (const state of ['wants', 'holds']) await writeFile(`${path}.${ticket}.${state}`, '')
}

async function deadPid(): Promise<number> {
  return Number((await execa(process.execPath, ['-p', 'process.pid'])).stdout)
}

/** Takes the lock in a process of its own at a given moment, keeps it until all have tried; whether it got it. */
async function race(path: string, startAt: number): Promise<boolean> {
  const program = `
    const { takeLock } = await import(${JSON.stringify(module)})
    while (Date.now() < ${startAt}) {}
    const lock = takeLock(${JSON.stringify(path)})
    console.log('release' in lock)
    setTimeout(() => {}, 1_000)`
  const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', program])
  return stdout === 'true'
}
