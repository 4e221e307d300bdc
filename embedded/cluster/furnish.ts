import { readFile } from 'node:fs/promises'
import { load } from 'js-yaml'
import { z } from 'zod'
import { apply, type Api } from './api-client.ts'

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
export async function furnish(api: Api, routeDefinitionFile: string): Promise<void> {
  const route = definition.parse(load(await readFile(routeDefinitionFile, 'utf8')))
  const ours = { ...route, status: undefined }
  await apply(api, nodePath, node)
  await apply(api, '/apis/storage.k8s.io/v1/storageclasses/kwok', storageClass)
  await apply(api, `${definitions}/${route.metadata.name}`, ours)
}

/** Throws unless pods can run, routes can be made, and the default namespace takes pods. */
export async function untilFurnished(api: Api): Promise<void> {
  await holds(api, nodePath, 'Ready')
  await holds(api, routes, 'Established')
  const account = '/api/v1/namespaces/default/serviceaccounts/default'
  const { status } = await api(account)
  if (status !== 200) throw new Error(`${account} was answered with ${status}`)
}

async function holds(api: Api, path: string, condition: string): Promise<void> {
  const { status, body } = await api(path)
  const { conditions = [] } = status === 200 ? withConditions.parse(body).status : {}
  const found = conditions.find(({ type }) => type === condition)
  if (found?.status !== 'True') throw new Error(`${path} is not ${condition}`)
}
