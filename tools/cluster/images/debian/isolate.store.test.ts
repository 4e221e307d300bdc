import { readFile } from 'node:fs/promises'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import { runInNamespace } from './isolate.ts'

const mounted = async (folder: string) =>
  (await readFile('/proc/self/mountinfo', 'utf8')).includes(folder)

test('what a program mounts is gone when it fails, and its last words are in the error', async () => {
  await using folder = await tempFolder()
  const script = `mount -t tmpfs tmpfs ${folder.path} && grep -c ${folder.path} /proc/self/mountinfo && exit 7`
  const run = { command: 'sh', args: ['-c', script], folder: folder.path, timeoutMs: 10_000 }
  await expect(runInNamespace({ ...run, name: 'mounter' })).rejects.toThrow(
    'mounter ended with 7: 1',
  )
  expect(await mounted(folder.path)).toBe(false)
})

test('a program that does not end is ended with all it started', async () => {
  await using folder = await tempFolder()
  const script = `sleep 1234.5678 & mount -t tmpfs tmpfs ${folder.path}; sleep 1234.5678`
  const run = { command: 'sh', args: ['-c', script], folder: folder.path, timeoutMs: 300 }
  await expect(runInNamespace({ ...run, name: 'sleeper' })).rejects.toThrow('was ended after 300')
  expect(await mounted(folder.path)).toBe(false)
})
