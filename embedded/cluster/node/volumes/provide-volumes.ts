import { chmod, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type {
  KubeConfig,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
} from '@kubernetes/client-node'
import { apply, type Api } from '../../server/api-client.ts'
import { coalesce } from '../watch/coalesce.ts'
import { keep } from '../watch/keep.ts'
import { CLASS, storageClass, volumeFor, volumeNameOf } from './local-volume.ts'

const AGAIN_AFTER_MS = 1_000
const MERGE = 'application/merge-patch+json'

interface VolumeOptions {
  config: KubeConfig
  api: Api
  /** Holds a folder for each volume. */
  folder: string
  log: (line: string) => void
}

/** Makes a folder and a volume for each claim of the default class, and removes both after it. */
export async function provideVolumes(
  options: VolumeOptions,
): Promise<{ stop: () => Promise<void> }> {
  const { config, api, log } = options
  await apply(api, `/apis/storage.k8s.io/v1/storageclasses/${CLASS}`, storageClass)
  let isStopped = false
  let look = (): Promise<void> => Promise.resolve()
  const changed = () => void look()
  const claims = await keep<V1PersistentVolumeClaim>(config, {
    path: '/api/v1/persistentvolumeclaims',
    api,
    changed,
  })
  const volumes = await keep<V1PersistentVolume>(config, {
    path: '/api/v1/persistentvolumes',
    api,
    changed,
  })
  const lookAtAll = coalesce(async () => {
    if (isStopped) return
    for (const claim of claims.cache.list())
      await provide(claim, volumes.cache.get(volumeNameOf(claim)), options)
    for (const volume of volumes.cache.list()) await reclaim(volume, options)
  })
  look = () =>
    lookAtAll().catch(async (error: unknown) => {
      if (isStopped) return
      log(`volumes are not as they should be: ${String(error)}`)
      await wait(AGAIN_AFTER_MS)
      await look()
    })
  await look()
  return {
    stop: async () => {
      isStopped = true
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
  await mkdir(path, { recursive: true })
  await chmod(path, 0o755)
  await must(
    api('/api/v1/persistentvolumes', { method: 'POST', body: volumeFor(claim, folder) }),
    409,
  )
  log(`volume ${name} for ${metadata?.namespace}/${metadata?.name}`)
}

/** A folder has room as long as the disk has: what a larger claim asks for is what it has. */
async function grow(
  { metadata, spec, status }: V1PersistentVolumeClaim,
  volume: V1PersistentVolume,
  api: Api,
): Promise<void> {
  const storage = spec?.resources?.requests?.['storage']
  if (status?.phase !== 'Bound' || storage === status.capacity?.['storage']) return
  const volumePath = `/api/v1/persistentvolumes/${volume.metadata?.name}`
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
  await must(api(`/api/v1/persistentvolumes/${name}`, { method: 'DELETE' }), 404)
  log(`volume ${name} is removed`)
}

async function must(answer: ReturnType<Api>, orElse: number): Promise<void> {
  const { status, body } = await answer
  if (status >= 300 && status !== orElse)
    throw new Error(`The API answered with ${status}: ${JSON.stringify(body)}`)
}
