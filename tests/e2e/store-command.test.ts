import { fileURLToPath } from 'node:url'
import { tempFolder } from '#test/temp-folder'
import { execa } from 'execa'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

test('where real pods would first have to be built, each test of them is named and counted as skipped', async () => {
  await using cache = await tempFolder()
  const env = { XDG_CACHE_HOME: cache.path }
  const run = await execa(process.execPath, ['tests/store/run.ts', '--if-warm'], { cwd: root, env })

  const lines = run.stdout.split('\n')
  const named = lines.filter((line) => line.startsWith('not run: '))
  expect(named).toContain(
    'not run: tests/store/a-real-store.store.test.ts > a database answers the pods of its own store, and nobody else',
  )
  expect(named.some((line) => line.includes('tools/cluster/'))).toBe(true)
  expect(run.stdout).toContain('kubelet is not built')
  expect(run.stdout).toContain('the images are not made')
  expect(lines.at(-1)).toBe(`0 passed, 0 failed, ${named.length} skipped`)
})

test('where a program is missing, the tests fail and print its name', async () => {
  await using folder = await tempFolder()
  const env = { PATH: folder.path, XDG_CACHE_HOME: folder.path }
  const options = { cwd: root, env, reject: false } as const

  const { stdout, exitCode } = await execa(process.execPath, ['tests/store/run.ts'], options)

  expect(stdout).toMatch(/^test:store not run: .*(unshare|Linux)/m)
  expect(exitCode).toBe(1)
})
