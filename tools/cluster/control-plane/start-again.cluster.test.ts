import { chmod, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises'
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
  const programs = await withKwok(temp.path, () => 'echo here I go; exit 2')

  const started = startCluster({ folder, programs, apiPort: await freePort(), durable: false })

  await expect(started).rejects.toThrow(
    /kwok ended before it was ready: (here I go \| ){2}here I go/,
  )
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
