import { chmod, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type {
  KubeConfig,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
} from '@kubernetes/client-node'
import { type Api, apply } from '../control-plane/api-client.ts'
import { reconcileLoop, watchObjects } from './controller.ts'
import { NODE } from './sandbox/network.ts'

const VOLUMES = '/api/v1/persistentvolumes'
const MERGE = 'application/merge-patch+json'

interface VolumeOptions {
  config: KubeConfig
  api: Api
  /** Holds a folder for each volume. */
  folder: string
  log: (line: string) => void
}

/** Creates a folder and a volume for each PVC of the default class, and removes both with it. */
export async function provideVolumes(
  options: VolumeOptions,
): Promise<{ stop: () => Promise<void> }> {
  const { config, api, log } = options
  await apply(api, `/apis/storage.k8s.io/v1/storageclasses/${CLASS}`, storageClass)
  let look = (): void => {}
  const all = { api, changed: () => look() }
  const claimsPath = '/api/v1/persistentvolumeclaims'
  const claims = await watchObjects<V1PersistentVolumeClaim>(config, { path: claimsPath, ...all })
  const volumes = await watchObjects<V1PersistentVolume>(config, { path: VOLUMES, ...all })
  const work = async () => {
    for (const claim of claims.cache.list())
      await provide(claim, volumes.cache.get(volumeNameOf(claim)), options)
    for (const volume of volumes.cache.list()) await reclaim(volume, options)
  }
  const loop = reconcileLoop({ work, about: 'volumes', log })
  look = loop.soon
  look()
  return {
    stop: async () => {
      loop.stop()
      await Promise.all([claims, volumes].map((each) => each.stop()))
    },
  }
}

async function provide(
  claim: V1PersistentVolumeClaim,
  volume: V1PersistentVolume | undefined,
  { api, folder, log }: VolumeOptions,
): Promise<void> {
  const { metadata, spec } = claim
  if (spec?.storageClassName !== CLASS || metadata?.deletionTimestamp !== undefined) return
  const name = volumeNameOf(claim)
  if (volume !== undefined) return grow(claim, volume, api)
  if (spec.volumeName !== undefined) return
  if (spec.volumeMode === 'Block')
    return log(`${metadata?.name} wants a block device: there is none`)
  const path = join(folder, name)
  // Not again: a kubelet may have given it to the pod's group by then.
  const isNew = (await mkdir(path, { recursive: true })) !== undefined
  if (isNew) await chmod(path, 0o755)
  await must(api(VOLUMES, { method: 'POST', body: volumeFor(claim, folder) }), 409)
  log(`volume ${name} for ${metadata?.namespace}/${metadata?.name}`)
}

/** A folder has all the room of the disk, so a larger PVC gets what it asks for at once. */
async function grow(
  { metadata, spec, status }: V1PersistentVolumeClaim,
  volume: V1PersistentVolume,
  api: Api,
): Promise<void> {
  const storage = spec?.resources?.requests?.['storage']
  if (status?.phase !== 'Bound' || storage === status.capacity?.['storage']) return
  const volumePath = `${VOLUMES}/${volume.metadata?.name}`
  const claimPath = `/api/v1/namespaces/${metadata?.namespace}/persistentvolumeclaims/${metadata?.name}`
  const capacity = { storage }
  const patch = (path: string, body: object) =>
    must(api(path, { method: 'PATCH', contentType: MERGE, body }), 404)
  await patch(volumePath, { spec: { capacity } })
  await patch(`${claimPath}/status`, { status: { capacity, conditions: null } })
}

async function reclaim(
  { metadata, spec, status }: V1PersistentVolume,
  { api, folder, log }: VolumeOptions,
): Promise<void> {
  const name = metadata?.name ?? ''
  const path = join(folder, name)
  if (status?.phase !== 'Released' || spec?.local?.path !== path) return
  await rm(path, { recursive: true, force: true })
  await must(api(`${VOLUMES}/${name}`, { method: 'DELETE' }), 404)
  log(`volume ${name} is removed`)
}

async function must(answer: ReturnType<Api>, orElse: number): Promise<void> {
  const { status, body } = await answer
  if (status >= 300 && status !== orElse)
    throw new Error(`The API answered with ${status}: ${JSON.stringify(body)}`)
}

const CLASS = 'local'
const PROVISIONER = 'storewright.dev/local'

/** The default class: PVCs are bound at once, can grow, and their volumes go with them. */
const storageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: {
    name: CLASS,
    annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
  },
  provisioner: PROVISIONER,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'Immediate',
  allowVolumeExpansion: true,
}

/** The name of a PVC's volume, and of its folder. */
const volumeNameOf = ({ metadata }: V1PersistentVolumeClaim): string => `pvc-${metadata?.uid ?? ''}`

/** A folder as a volume for one PVC; of the kind `local`, since only that respects a pod's fsGroup. */
function volumeFor(claim: V1PersistentVolumeClaim, folder: string): object {
  const { metadata, spec } = claim
  const name = volumeNameOf(claim)
  const here = { key: 'kubernetes.io/hostname', operator: 'In', values: [NODE] }
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': PROVISIONER } },
    spec: {
      accessModes: spec?.accessModes,
      capacity: spec?.resources?.requests,
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: CLASS,
      volumeMode: 'Filesystem',
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace: metadata?.namespace,
        name: metadata?.name,
        uid: metadata?.uid,
      },
      local: { path: join(folder, name) },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [here] }] } },
    },
  }
}
