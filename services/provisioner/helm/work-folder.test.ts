import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { openWorkFolder } from './work-folder.ts'

test('the folder is for its owner only, and gone at the end', async () => {
  const folder = await openWorkFolder()
  expect((await stat(folder.path)).mode & 0o777).toBe(0o700)
  await folder[Symbol.asyncDispose]()
  await expect(stat(folder.path)).rejects.toThrow('ENOENT')
})

test.each(['/nonexistent', '/dev/null'])(
  'a TMPDIR that is unusable (%s) is named',
  async (folder) => {
    vi.stubEnv('TMPDIR', folder)
    await expect(openWorkFolder()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(`${folder} \\(TMPDIR\\)`),
    })
    vi.unstubAllEnvs()
  },
)

test('folders of processes that are gone are removed, those of living ones are not', async () => {
  const { pid: gone } = spawnSync(process.execPath, ['-e', ''])
  const dead = await mkdtemp(join(tmpdir(), `storewright-helm-${gone}-`))
  const living = await mkdtemp(join(tmpdir(), `storewright-helm-${process.ppid}-`))
  const folder = await openWorkFolder()
  const left = await readdir(tmpdir())
  expect(left).not.toContain(basename(dead))
  expect(left).toContain(basename(living))
  await folder[Symbol.asyncDispose]()
  await rm(living, { recursive: true })
})

test('the folder of a predecessor with the same pid is removed, as after the restart of a container', async () => {
  const earlier = Math.round(performance.timeOrigin) - 1_000
  const left = await mkdtemp(join(tmpdir(), `storewright-helm-${process.pid}-${earlier}-`))
  await using own = await openWorkFolder()
  await using second = await openWorkFolder()
  const found = await readdir(tmpdir())
  expect(found).not.toContain(basename(left))
  expect(found).toEqual(expect.arrayContaining([own, second].map(({ path }) => basename(path))))
})
