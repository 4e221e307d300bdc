import { chmod, mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { clusterPrograms } from '../binaries/programs.ts'
import { startCluster } from './start.ts'

test('a kwok that crashes in its start is started again', async () => {
  await using temp = await tempFolder('storewright-cluster-')
  const folder = join(temp.path, 'cluster')
  const programs = await withKwok(temp.path, (kwok) => `mkdir crashed && exit 2; exec ${kwok} "$@"`)

  const cluster = await startCluster({
    folder,
    programs,
    apiPort: await freePort(),
    durable: false,
  })

  expect((await stat(join(folder, 'crashed'))).isDirectory()).toBe(true)
  expect(Object.keys(cluster.pids)).toContain('kwok')
  await cluster.stop()
})

test('a kwok that crashes in every start is an error', async () => {
  await using temp = await tempFolder('storewright-cluster-')
  const folder = join(temp.path, 'cluster')
  const starts = join(temp.path, 'starts')
  const programs = await withKwok(temp.path, () => `echo here I go | tee -a ${starts}; exit 2`)

  const started = startCluster({ folder, programs, apiPort: await freePort(), durable: false })

  // What a program says goes through a pipe, and its last words may come after its end.
  await expect(started).rejects.toThrow(/kwok ended before it was ready: (it said|here I go)/)
  expect(await readFile(starts, 'utf8')).toBe('here I go\n'.repeat(3))
})

/** The programs of a cluster, with a script in kwok's place. */
async function withKwok(parent: string, script: (kwok: string) => string): Promise<string> {
  const real = await clusterPrograms(process.env)
  const programs = join(parent, 'programs')
  await mkdir(programs)
  for (const name of await readdir(real))
    if (name !== 'kwok') await symlink(join(real, name), join(programs, name))
  const file = join(programs, 'kwok')
  await writeFile(file, `#!/bin/sh\n${script(join(real, 'kwok'))}\n`)
  await chmod(file, 0o755)
  return programs
}
