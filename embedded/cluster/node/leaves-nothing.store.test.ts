import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { testNamespace } from '#test/test-namespace'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { packBox } from './fixtures/box-image.ts'
import { boxPod } from './fixtures/box-pod.ts'
import { alive, hostState, processesIn } from './fixtures/host-state.ts'
import { adminOf } from './fixtures/admin-of.ts'
import { startRealCluster } from './start-node.ts'

const owner = join(import.meta.dirname, 'fixtures', 'run-real-cluster.ts')

test('after close() the host is as it was, but for the folder', async () => {
  await using temp = await tempFolder('storewright-pods-')
  const before = await hostState()
  const cluster = await startRealCluster({ folder: temp.path, log: () => {} })
  await runPod(cluster, temp.path)
  const machine = await processesIn(temp.path)
  expect(await hostState()).not.toEqual(before)

  await cluster.close()

  expect(await alive(machine)).toEqual([])
  expect(await hostState()).toEqual(before)
})

test('kill -9 of the process that runs it takes every process of the machine with it', async () => {
  await using temp = await tempFolder('storewright-pods-')
  const child = await runningIn(temp.path)
  const machine = await processesIn(temp.path)

  child.kill('SIGKILL')

  await eventually(async () => expect(await alive(machine)).toEqual([]))
})

test('what a killed start and its guard have left is cleared by the next start', async () => {
  await using temp = await tempFolder('storewright-pods-')
  const child = await runningIn(temp.path)
  const before = await processesIn(temp.path)
  // Stopped first, so that it does not get itself another guard.
  child.kill('SIGSTOP')
  await execa('pkill', ['-KILL', '--parent', String(child.pid), '--full', 'guard.js'])
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await alive(before)).not.toEqual([])

  await using cluster = await startRealCluster({ folder: temp.path, log: () => {} })

  expect(await alive(before)).toEqual([])
  await runPod(cluster, temp.path)
})

async function runPod(cluster: Awaited<ReturnType<typeof startRealCluster>>, folder: string) {
  await cluster.importImage(await packBox(folder))
  const namespace = await testNamespace(adminOf(cluster))
  const claim = {
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  }
  await namespace.create('api/v1/persistentvolumeclaims', claim)
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }]
  const volumeMounts = [{ name: 'data', mountPath: '/data' }]
  const pod = boxPod({ name: 'one', script: 'sleep 3600', volumes, volumeMounts })
  await namespace.create('api/v1/pods', pod)
  await eventually(
    async () => {
      const { body } = await namespace.get('api/v1/pods/one')
      expect(body).toMatchObject({ status: { phase: 'Running' } })
    },
    { timeoutMs: 60_000 },
  )
}

async function runningIn(folder: string) {
  const child = spawn(process.execPath, [owner, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  expect(String(said)).toBe('up\n')
  return child
}
