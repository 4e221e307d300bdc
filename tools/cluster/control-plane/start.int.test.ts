import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { startCluster } from './start.ts'

test('a cluster that does not start says what each of its components said last', async () => {
  await using temp = await tempFolder('storewright-cluster-')
  const programs = join(temp.path, 'programs')
  await mkdir(programs)
  await put(join(programs, 'etcd'), 'echo the disk is full; exec sleep 60')
  await put(
    join(programs, 'kube-apiserver'),
    'until grep -q full logs/etcd.log; do sleep 0.02; done; echo no etcd; exit 3',
  )
  const folder = join(temp.path, 'cluster')

  const started = startCluster({ folder, programs, apiPort: await freePort(), durable: false })

  await expect(started).rejects.toThrow(
    /kube-apiserver ended before it was ready[^]*etcd runs:\n {2}the disk is full\nkube-apiserver ended with code 3:\n {2}no etcd/,
  )
})

async function put(file: string, script: string): Promise<void> {
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
}
