import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { testNamespace } from '#test/cluster/test-namespace'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { adminOf } from '#test/real-node/admin-of'
import { packBox } from '#test/real-node/box-image'
import { boxPod, serving } from '#test/real-node/box-pod'
import { execInPod } from '#test/real-node/exec-in-pod'
import { alive, hostState, processesIn } from '#test/real-node/host-state'
import { run } from './sandbox/run.ts'
import { startRealCluster, type RealCluster } from './start.ts'

const owner = fileURLToPath(import.meta.resolve('#test/real-node/run-real-cluster'))
const podState = z.object({ status: z.object({ phase: z.string(), podIP: z.string() }) })

test('after close() nothing of it is on the host but the folder, whatever others do at the same time', async () => {
  await using temp = await tempFolder('storewright-pods-')
  const before = await hostState(temp.path)
  const cluster = await startRealCluster({ folder: temp.path, log: () => {} })
  await runPod(cluster, temp.path)
  const sandbox = await processesIn(temp.path)
  const running = await hostState(temp.path)
  for (const part of ['links', 'addresses', 'routes', 'cgroups', 'places'])
    expect(`${part}: ${running[part]}`).not.toBe(`${part}: ${before[part]}`)
  await using others = new AsyncDisposableStack()
  await containerEngine(others)

  await cluster.close()

  expect(await alive(sandbox)).toEqual([])
  expect(await hostState(temp.path)).toEqual(before)
})

test('kill -9 of the process that runs it takes every process of the sandbox with it', async () => {
  await using temp = await tempFolder('storewright-pods-')
  const child = await runningIn(temp.path)
  const sandbox = await processesIn(temp.path)

  child.kill('SIGKILL')

  await eventually(async () => expect(await alive(sandbox)).toEqual([]))
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

test('a cluster in the same folder goes on: its pods run, their data and policies are there', async () => {
  await using temp = await tempFolder('storewright-pods-')
  const first = await startRealCluster({ folder: temp.path, log: () => {} })
  const namespace = await runPod(first, temp.path)
  const matchLabels = { 'kubernetes.io/metadata.name': 'nowhere' }
  const ingress = [{ from: [{ namespaceSelector: { matchLabels } }] }]
  const spec = { podSelector: { matchLabels: { app: 'shop' } }, ingress }
  const policy = { metadata: { name: 'hole' }, spec }
  await namespace.create('apis/networking.k8s.io/v1/networkpolicies', policy)
  await first.close()

  await using second = await startRealCluster({ folder: temp.path, log: () => {} })

  const again = adminOf(second)
  const ipOf = async (pod: string) => {
    const { body } = await again(namespace.pathOf(`api/v1/pods/${pod}`))
    const { phase, podIP } = podState.parse(body).status
    expect(phase).toBe('Running')
    return podIP
  }
  const command = (pod: string, ...args: string[]) =>
    execInPod({ kubeconfig: second.kubeconfig, namespace: namespace.name, pod, command: args })
  await eventually(() => command('shop', 'cat', '/data/file'), { timeoutMs: 60_000 })
  expect(await command('shop', 'cat', '/data/file')).toBe('one\ntwo\n')
  const url = `http://${await ipOf('shop')}:8080/`
  expect(await command('shop', 'wget', '-q', '-O', '-', url)).toBe('open\n')
  const ask = () => command('client', 'timeout', '2', 'wget', '-q', '-O', '-', url)
  await eventually(() => expect(ask()).rejects.toThrow('exit code 143'))
})

/** A bridge and a mount, as a container engine on the same host makes them; they go with `stack`. */
async function containerEngine(stack: AsyncDisposableStack): Promise<void> {
  const folder = stack.use(await tempFolder('container-engine-'))
  const link = 'engine0'
  await run(['ip', 'link', 'add', link, 'type', 'bridge'])
  stack.defer(async () => void (await run(['ip', 'link', 'delete', link])))
  await run(['ip', 'address', 'add', '172.31.255.1/30', 'dev', link])
  await run(['mount', '-t', 'tmpfs', 'tmpfs', folder.path])
  stack.defer(async () => void (await run(['umount', folder.path])))
}

/** Two pods, one of them with a volume that tells how often it has begun. */
async function runPod(cluster: RealCluster, folder: string) {
  await cluster.importImage(await packBox(folder))
  const namespace = await testNamespace(adminOf(cluster))
  const claim = {
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  }
  await namespace.create('api/v1/persistentvolumeclaims', claim)
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }]
  const volumeMounts = [{ name: 'data', mountPath: '/data' }]
  const count = '[ -e /data/file ] && echo two >> /data/file || echo one > /data/file'
  const shop = {
    name: 'shop',
    labels: { app: 'shop' },
    script: `${count}; ${serving('open')}`,
    volumes,
    volumeMounts,
  }
  const client = { name: 'client', script: 'sleep 3600' }
  for (const pod of [shop, client])
    await namespace.create('api/v1/pods', boxPod({ ...pod, restartPolicy: 'Always' }))
  for (const { name } of [shop, client])
    await eventually(
      async () => {
        const { body } = await namespace.get(`api/v1/pods/${name}`)
        expect(body).toMatchObject({ status: { phase: 'Running' } })
      },
      { timeoutMs: 60_000 },
    )
  return namespace
}

async function runningIn(folder: string) {
  const child = spawn(process.execPath, [owner, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  expect(String(said)).toBe('up\n')
  return child
}
