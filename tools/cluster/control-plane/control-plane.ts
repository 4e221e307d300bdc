import { X509Certificate } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { z } from 'zod'
import { type Api, apiClient, apply } from './api-client.ts'
import * as components from './components.ts'
import type { Layout } from './components.ts'
import { credentialsOf, kubeconfig, type Tokens, writeSecret } from './credentials.ts'
import type { ProcessGroup } from './process-group.ts'

const RENEW_BEFORE_MS = 7 * 86_400_000

export interface ControlPlane {
  url: string
  /** PEM. */
  ca: string
  tokens: Tokens
  /** As the admin. */
  api: Api
  /** Writes the kubeconfig of a cluster user, readable by this user of the machine alone; returns its path. */
  configFor: (name: keyof Tokens) => Promise<string>
}

/** Starts etcd, the API server, the controllers and the scheduler; resolves when the API answers. */
export async function startControlPlane(
  group: ProcessGroup,
  layout: components.Layout,
): Promise<ControlPlane> {
  const { folder } = layout
  const { tokens, tokensFile, serviceAccountKeyFile: keyFile } = await credentialsOf(folder)
  const caFile = join(folder, 'certificates', 'apiserver.crt')
  const url = `https://${layout.apiHost}:${layout.apiPort}`
  await dropOldCertificate(caFile)
  await group.launch(components.etcd(layout))
  await group.launch(components.apiServer(layout, tokensFile, keyFile))
  await group.until('kube-apiserver', async () => {
    const client = apiClient({ url, ca: await readFile(caFile, 'utf8'), token: tokens.admin })
    const { status, body } = await client('/readyz')
    if (status !== 200) throw new Error(`/readyz was answered with ${status}: ${String(body)}`)
  })
  const ca = await readFile(caFile, 'utf8')
  const configFor = (name: keyof Tokens) =>
    writeConfig(folder, name, kubeconfig({ url, ca, token: tokens[name] }))
  const manager = await configFor('controllerManager')
  await group.launch(components.controllerManager(layout, { kubeconfig: manager, keyFile, caFile }))
  await group.launch(components.scheduler(layout, await configFor('scheduler')))
  return { url, ca, tokens, api: apiClient({ url, ca, token: tokens.admin }), configFor }
}

/** The API server makes a new certificate, valid for a year, where there is none. */
async function dropOldCertificate(caFile: string): Promise<void> {
  const pem = await readFile(caFile).catch(() => undefined)
  if (pem === undefined) return
  const validTo = Date.parse(new X509Certificate(pem).validTo)
  if (validTo - Date.now() < RENEW_BEFORE_MS) await rm(join(caFile, '..'), { recursive: true })
}

async function writeConfig(folder: string, name: keyof Tokens, text: string): Promise<string> {
  const file = name === 'admin' ? 'kubeconfig' : `${name}.kubeconfig`
  await writeSecret(join(folder, file), text)
  return join(folder, file)
}

const node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: 'kwok',
    annotations: { 'kwok.x-k8s.io/node': 'fake' },
    labels: { 'kubernetes.io/hostname': 'kwok', 'kubernetes.io/os': 'linux' },
  },
}

const storageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: {
    name: 'kwok',
    annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
  },
  provisioner: 'storewright.io/kwok',
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'Immediate',
  allowVolumeExpansion: true,
}

const withConditions = z.object({
  status: z.object({
    conditions: z.array(z.object({ type: z.string(), status: z.string() })).optional(),
  }),
})

const definition = z.looseObject({ metadata: z.looseObject({ name: z.string() }) })
const nodePath = '/api/v1/nodes/kwok'
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const routes = `${definitions}/httproutes.gateway.networking.k8s.io`

/** One fake node, the default storage class, and HTTPRoute as the Gateway API defines it. */
export async function bootstrap(api: Api, layout: Layout, kubeletPort: number): Promise<void> {
  await apply(api, nodePath, node)
  // kwok does not update the status of a node that was ready before, and the port has changed.
  const kubeletEndpoint = { Port: kubeletPort }
  const status = { daemonEndpoints: { kubeletEndpoint } }
  await apply(api, `${nodePath}/status`, { ...node, status })
  await apply(api, '/apis/storage.k8s.io/v1/storageclasses/kwok', storageClass)
  await defineRoutes(api, layout)
}

/** HTTPRoute as the Gateway API defines it. */
export async function defineRoutes(api: Api, { programs }: Layout): Promise<void> {
  const route = definition.parse(load(await readFile(join(programs, 'httproutes.yaml'), 'utf8')))
  await apply(api, `${definitions}/${route.metadata.name}`, { ...route, status: undefined })
}

/** Throws unless pods can run and be read, routes can be created, and the default namespace accepts pods. */
export async function untilBootstrapped(api: Api, kubelet: Api): Promise<void> {
  await untilUsable(api, nodePath)
  // After a restart the node is still Ready, whether or not kwok is there already.
  await answers(kubelet, '/healthz')
}

/** Throws unless the node is ready, routes can be created, and the default namespace accepts pods. */
export async function untilUsable(api: Api, path: string): Promise<void> {
  await holds(api, path, 'Ready')
  await holds(api, routes, 'Established')
  await answers(api, '/api/v1/namespaces/default/serviceaccounts/default')
}

async function answers(api: Api, path: string): Promise<void> {
  const { status } = await api(path)
  if (status !== 200) throw new Error(`${path} was answered with ${status}`)
}

async function holds(api: Api, path: string, condition: string): Promise<void> {
  const { status, body } = await api(path)
  const { conditions = [] } = status === 200 ? withConditions.parse(body).status : {}
  const found = conditions.find(({ type }) => type === condition)
  if (found?.status !== 'True') throw new Error(`${path} is not ${condition}`)
}
