import { fileURLToPath } from 'node:url'
import { tempFolder } from '#test/temp-folder'
import { execa } from 'execa'
import { expect, test } from 'vitest'

const program = fileURLToPath(new URL('../store/run.ts', import.meta.url))

async function testStore(env: Record<string, string>, ...args: string[]) {
  const options = { env, reject: false, timeout: 60_000 }
  const { stdout, exitCode } = await execa(process.execPath, [program, ...args], options)
  return { lines: stdout.split('\n'), exitCode }
}

test('where caches are cold, a gate is told in one line that nothing was tested, and goes on', async () => {
  await using folder = await tempFolder()

  const { lines, exitCode } = await testStore({ XDG_CACHE_HOME: folder.path }, '--if-warm')

  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^test:store not run: .*the images are not made/)
  expect(exitCode).toBe(0)
})

test('where a program is missing, the tests fail and print its name', async () => {
  await using folder = await tempFolder()

  const { lines, exitCode } = await testStore({ PATH: folder.path, XDG_CACHE_HOME: folder.path })

  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^test:store not run: .*(unshare|Linux)/)
  expect(exitCode).toBe(1)
})
