import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { testNamespace } from '#test/cluster/test-namespace'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { Api } from '../control-plane/api-client.ts'
import { adminOf } from '#test/real-node/admin-of'
import { packBox } from '#test/real-node/box-image'
import { boxPod, serving } from '#test/real-node/box-pod'
import { execInPod } from '#test/real-node/exec-in-pod'
import { startRealCluster, type RealCluster } from './start.ts'

const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' }
const podStatus = z.object({ status: z.looseObject({ phase: z.string() }) })
const service = z.object({ spec: z.object({ clusterIP: z.string() }) })
const bound = z.object({
  spec: z.object({ volumeName: z.string() }),
  status: z.object({ phase: z.literal('Bound'), capacity: z.object({ storage: z.string() }) }),
})
/** How `timeout` ends what it has waited for. */
const LATE = 'exit code 143'
const lines: string[] = []
let temp: Awaited<ReturnType<typeof tempFolder>>
let cluster: RealCluster
let api: Api

beforeAll(async () => {
  temp = await tempFolder('storewright-pods-')
  cluster = await startRealCluster({ folder: temp.path, log: (line) => lines.push(line) })
  await cluster.importImage(await packBox(temp.path))
  api = adminOf(cluster)
})

afterAll(async () => {
  await cluster?.close()
  await temp?.[Symbol.asyncDispose]()
})

test('a restricted pod runs as its user, and its log and a command in it are had through the API', async () => {
  const namespace = await newNamespace()
  await namespace.run('one', 'echo started; sleep 3600')

  expect((await namespace.get('api/v1/pods/one/log')).body).toBe('started\n')
  expect(await namespace.exec('one', ['id', '-u'])).toBe('999\n')
})

test('a pod that is not restricted is refused where the namespace asks for it', async () => {
  const namespace = await newNamespace()

  const answer = await namespace.post('api/v1/pods', {
    metadata: { name: 'free' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  })

  expect(answer).toMatchObject({ status: 403 })
})

test('a Service answers the host and other pods, by its address and by its name', async () => {
  const namespace = await newNamespace()
  const address = await namespace.serve('shop', 'open all day')
  await namespace.run('client', 'sleep 3600')

  await eventually(async () => expect(await fetched(`http://${address}/`)).toBe('open all day\n'))
  for (const host of [address, 'shop', `shop.${namespace.name}.svc.cluster.local`])
    expect(await namespace.wget('client', host)).toBe('open all day\n')
  const proxied = await namespace.get('api/v1/services/shop:80/proxy/')
  expect(proxied).toMatchObject({ status: 200, body: 'open all day\n' })
})

test('a policy refuses another namespace and lets in whom it names, on the port it names', async () => {
  const [namespace, friend, stranger] = [
    await newNamespace(),
    await newNamespace(),
    await newNamespace(),
  ]
  const address = await namespace.serve('shop', 'for friends')
  await friend.run('client', 'sleep 3600')
  await stranger.run('client', 'sleep 3600')
  await eventually(async () => expect(await stranger.wget('client', address)).toContain('friends'))

  await namespace.policy('deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
  await eventually(() => expect(friend.wget('client', address)).rejects.toThrow(LATE))
  const matchLabels = { 'kubernetes.io/metadata.name': friend.name }
  await namespace.policy('hole', {
    podSelector: { matchLabels: { app: 'shop' } },
    ingress: [{ from: [{ namespaceSelector: { matchLabels } }], ports: [{ port: 'http' }] }],
  })

  await eventually(async () => expect(await friend.wget('client', address)).toBe('for friends\n'))
  await expect(stranger.wget('client', address)).rejects.toThrow(LATE)
})

test('what policies allow and refuse holds for the first packet of a pod', async () => {
  const [namespace, other] = [await newNamespace(), await newNamespace()]
  const allowed = await other.serve('open', 'welcome')
  const refused = await other.serve('closed', 'never seen')
  const podSelector = { matchLabels: { app: 'open' } }
  await namespace.policy('hole', {
    podSelector: {},
    policyTypes: ['Egress'],
    egress: [{ to: [{ namespaceSelector: {}, podSelector }] }],
  })
  const ask = (address: string, seconds: number) =>
    `timeout ${seconds} wget -q -O - http://${address}/ || echo refused`
  const script = `${ask(refused, 2)}; ${ask(allowed, 20)}`

  await namespace.create('api/v1/pods', boxPod({ name: 'quick', script }))

  await namespace.ended('quick')
  const { body } = await namespace.get('api/v1/pods/quick/log')
  expect(String(body).replace('Terminated\n', '')).toBe('refused\nwelcome\n')
})

test('a policy that lets pods ask DNS in kube-system lets them, and nothing else', async () => {
  const namespace = await newNamespace()
  const address = await namespace.serve('shop', 'named')
  const dns = { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } }
  await namespace.policy('dns', {
    podSelector: { matchLabels: { app: 'asker' } },
    policyTypes: ['Egress'],
    egress: [
      { to: [{ namespaceSelector: dns }], ports: [{ protocol: 'UDP', port: 53 }] },
      { to: [{ podSelector: { matchLabels: { app: 'shop' } } }], ports: [{ port: 8080 }] },
    ],
  })
  await namespace.run('client', 'sleep 3600', { app: 'asker' })

  expect(await namespace.wget('client', 'shop')).toBe('named\n')
  const [, ip = ''] =
    /"podIP":"([^"]+)"/.exec(JSON.stringify((await namespace.get('api/v1/pods/shop')).body)) ?? []
  await expect(namespace.wget('client', `${ip}:8081`)).rejects.toThrow(LATE)
  expect(address).not.toBe(ip)
})

test('a claim binds, its pod can write as its user, it grows, and its folder goes with it', async () => {
  const namespace = await newNamespace()
  const claims = 'api/v1/persistentvolumeclaims'
  const requests = { storage: '1Gi' }
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests } }
  await namespace.create(claims, { metadata: { name: 'data' }, spec })
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }]
  const volumeMounts = [{ name: 'data', mountPath: '/data' }]
  const script = 'echo kept > /data/file; sleep 3600'
  await namespace.create('api/v1/pods', boxPod({ name: 'writer', script, volumes, volumeMounts }))
  await namespace.running('writer')
  const claim = async () => bound.parse((await namespace.get(`${claims}/data`)).body)
  const folder = join(temp.path, 'volumes', (await claim()).spec.volumeName)
  await eventually(async () => expect(await readFile(join(folder, 'file'), 'utf8')).toBe('kept\n'))
  expect((await claim()).status.capacity.storage).toBe('1Gi')

  const larger = { spec: { resources: { requests: { storage: '2Gi' } } } }
  const contentType = 'application/merge-patch+json'
  await api(namespace.pathOf(`${claims}/data`), { method: 'PATCH', contentType, body: larger })
  await eventually(async () => expect((await claim()).status.capacity.storage).toBe('2Gi'))
  await api(`/api/v1/namespaces/${namespace.name}`, { method: 'DELETE' })

  await eventually(() => expect(existsSync(folder)).toBe(false), { timeoutMs: 60_000 })
  await eventually(async () => {
    const { body } = await api('/api/v1/persistentvolumes')
    expect(body).toMatchObject({ items: [] })
  })
  expect(await readdir(join(temp.path, 'volumes'))).toEqual([])
})

test('the kubelet, which asks nobody who he is, is reached by the API server alone', async () => {
  const namespace = await newNamespace()
  await namespace.run('client', 'sleep 3600')
  const kubelet = `${cluster.nodeIp}:10250`

  await expect(fetched(`https://${kubelet}/pods`)).rejects.toThrow('fetch failed')
  await expect(namespace.wget('client', kubelet)).rejects.toThrow('refused')
})

test('a second start says that one runs already, and leaves it alone', async () => {
  await using other = await tempFolder()
  const second = startRealCluster({ folder: other.path, log: () => {} })

  await expect(second).rejects.toThrow(
    `A cluster with real pods runs on this machine already (pid ${process.pid})`,
  )
  expect(await api('/readyz')).toMatchObject({ status: 200 })
})

async function newNamespace() {
  const made = await testNamespace(api, restricted)
  const exec = (pod: string, command: string[]) =>
    execInPod({ kubeconfig: cluster.kubeconfig, namespace: made.name, pod, command })
  const isIn = (name: string, phase: 'Running' | 'Succeeded') =>
    eventually(
      async () => {
        const { status } = podStatus.parse((await made.get(`api/v1/pods/${name}`)).body)
        if (status.phase !== phase)
          throw new Error(`${name} is not ${phase}: ${JSON.stringify(status)}`)
      },
      { timeoutMs: 60_000 },
    )
  const run = async (name: string, script: string, labels = {}) => {
    await made.create('api/v1/pods', boxPod({ name, script, labels }))
    await isIn(name, 'Running')
  }
  return {
    ...made,
    exec,
    run,
    running: (name: string) => isIn(name, 'Running'),
    ended: (name: string) => isIn(name, 'Succeeded'),
    wget: (pod: string, host: string) =>
      exec(pod, ['timeout', '2', 'wget', '-q', '-O', '-', `http://${host}/`]),
    /** A Service of that name and its pod; returns the Service's address. */
    serve: async (name: string, text: string) => {
      await run(name, serving(text), { app: name })
      const ports = [{ port: 80, targetPort: 'http' }]
      const spec = { selector: { app: name }, ports }
      return service.parse(await made.create('api/v1/services', { metadata: { name }, spec })).spec
        .clusterIP
    },
    policy: (name: string, spec: object) =>
      made.create('apis/networking.k8s.io/v1/networkpolicies', { metadata: { name }, spec }),
  }
}

async function fetched(url: string): Promise<string> {
  return (await fetch(url, { signal: AbortSignal.timeout(5_000) })).text()
}
