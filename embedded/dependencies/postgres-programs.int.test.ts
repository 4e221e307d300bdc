import { chmod, chown, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { tempFolder } from '#test/temp-folder'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { postgresBinaries, type PostgresBinaries, runnableBinaries } from './postgres-programs.ts'

const isRoot = process.getuid?.() === 0
const notRoot = 'only root runs PostgreSQL as somebody else'
const nobody = { name: 'nobody', uid: 65_534, gid: 65_534 }

test('programs that everybody can reach run where npm put them', async () => {
  await using world = await hiddenPrograms({ mode: 0o755 })

  expect(await runnableBinaries(world.binaries, nobody, [])).toEqual(world.binaries)
})

test('programs below a hidden folder are copied once', async ({ skip }) => {
  skip(!isRoot, notRoot)
  await using world = await hiddenPrograms({ mode: 0o700 })
  const places = [world.place('cache')]

  const first = await runnableBinaries(world.binaries, nobody, places)
  const made = await stat(first.postgres)
  const second = await runnableBinaries(world.binaries, nobody, places)

  expect(dirname(dirname(dirname(first.postgres)))).toBe(world.place('cache'))
  expect(await version(first)).toMatch(/PostgreSQL/)
  expect(second).toEqual(first)
  expect((await stat(second.postgres)).ino).toBe(made.ino)
  expect(await readdir(world.place('cache'))).toHaveLength(1)
})

test('programs that npm installed for their owner alone are copied', async ({ skip }) => {
  skip(!isRoot, notRoot)
  await using world = await hiddenPrograms({ mode: 0o755 })
  await chmod(join(dirname(world.binaries.postgres), '..', 'share'), 0o700)

  const copied = await runnableBinaries(world.binaries, nobody, [world.place('cache')])

  expect(copied).not.toEqual(world.binaries)
})

test('a copy of which something was removed is made again', async ({ skip }) => {
  skip(!isRoot, notRoot)
  await using world = await hiddenPrograms({ mode: 0o700 })
  const places = [world.place('cache')]
  const first = await runnableBinaries(world.binaries, nobody, places)
  await rm(first.initdb)

  const second = await runnableBinaries(world.binaries, nobody, places)

  expect((await stat(second.initdb)).isFile()).toBe(true)
})

test('what a start left that was killed while it copied is cleared by the next one', async ({
  skip,
}) => {
  skip(!isRoot, notRoot)
  await using world = await hiddenPrograms({ mode: 0o700 })
  const places = [world.place('cache')]
  const { postgres } = await runnableBinaries(world.binaries, nobody, places)
  const copy = dirname(dirname(postgres))
  const ended = execa('true')
  await ended
  const [dead, alive] = [
    `${copy}.making-${ended.pid}-abcdef`,
    `${copy}.making-${process.ppid}-abcdef`,
  ]
  for (const folder of [dead, alive]) await mkdir(folder)

  await runnableBinaries(world.binaries, nobody, places)

  const left = (await readdir(world.place('cache'))).map((name) => join(world.place('cache'), name))
  expect(left.toSorted()).toEqual([copy, alive].toSorted())
})

test('starts at the same time make one copy', async ({ skip }) => {
  skip(!isRoot, notRoot)
  await using world = await hiddenPrograms({ mode: 0o700 })
  const places = [world.place('cache')]
  const start = () => runnableBinaries(world.binaries, nobody, places)

  const copied = await Promise.all([start(), start(), start()])

  expect(new Set(copied.map(({ postgres }) => postgres)).size).toBe(1)
  expect(await readdir(world.place('cache'))).toHaveLength(1)
})

test('a place of somebody else’s is passed over, and so is a hidden one', async ({ skip }) => {
  skip(!isRoot, notRoot)
  await using world = await hiddenPrograms({ mode: 0o700 })
  const foreign = world.place('foreign')
  await mkdir(foreign)
  await chown(foreign, 1, 1)
  const hidden = join(dirname(world.binaries.postgres), 'cache')
  const places = [foreign, hidden, below(world.binaries.postgres), world.place('cache')]

  const { postgres } = await runnableBinaries(world.binaries, nobody, places)

  expect(postgres).toContain(world.place('cache'))
  expect(await readdir(foreign)).toEqual([])
})

test('a path that the shell of initdb would change is copied for everybody; a refusal names each place', async () => {
  await using world = await hiddenPrograms({ mode: 0o755, named: 'do$HOME `x`' })
  const places = [world.place('c$che'), below(world.binaries.postgres)]

  const copied = await runnableBinaries(world.binaries, undefined, [world.place('cache')])
  const refused = runnableBinaries(world.binaries, undefined, places)

  expect(copied.postgres).toContain(world.place('cache'))
  await expect(refused).rejects.toThrow(
    /because of a character[^]*c\$che: [^]*postgres\/below a file: /,
  )
})

/** PostgreSQL as npm leaves it, below a folder with this mode. */
async function hiddenPrograms({ mode, named = 'package' }: { mode: number; named?: string }) {
  const folder = await tempFolder()
  const home = join(folder.path, 'home')
  await mkdir(home)
  const original = dirname(dirname(dirname((await postgresBinaries()).postgres)))
  await execa('cp', ['-a', original, join(home, named)])
  await chmod(home, mode)
  const bin = join(home, named, 'native', 'bin')
  return {
    binaries: { postgres: join(bin, 'postgres'), initdb: join(bin, 'initdb') },
    place: (name: string) => join(folder.path, name),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

const below = (file: string): string => join(file, 'below a file')

async function version({ postgres }: PostgresBinaries): Promise<string> {
  return (await execa(postgres, ['--version'], { uid: nobody.uid, gid: nobody.gid })).stdout
}
