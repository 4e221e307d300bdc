import { gunzipSync } from 'node:zlib'
import { loadAll } from 'js-yaml'
import { z } from 'zod'
import type { Target } from '../../reconcile/driver.ts'
import { type Kind, listMetadata, readObject } from './api/objects.ts'
import type { Cluster } from './context.ts'
import { readNamespace } from './namespace/namespace.ts'
import { readRecords } from './release/observe.ts'
import { listPvcs } from './uninstall.ts'

const listed: Kind[] = [
  'Secret',
  'ResourceQuota',
  'LimitRange',
  'NetworkPolicy',
  'Deployment',
  'StatefulSet',
  'Job',
]

/**
 * Everything a removal will remove, as `Kind/name`: objects of the release and of the provisioner, volumes, and
 * what somebody else has put into the store's namespace, their releases as `HelmRelease/name`.
 */
export async function inventory(cluster: Cluster, target: Target): Promise<string[]> {
  const namespace = await readNamespace(cluster.api, target)
  if (namespace === undefined || !namespace.isOurs || namespace.isEnding) return []
  const [release, unmanaged, pvcs, ...others] = await Promise.all([
    releaseObjects(cluster, target),
    unmanagedReleases(cluster, target),
    listPvcs(cluster, target),
    ...listed.map((kind) => objectsOf(cluster, target, kind)),
  ])
  const volumes = pvcs.flatMap(({ metadata, spec }) => [
    `PersistentVolumeClaim/${metadata.name}`,
    ...(spec.volumeName === undefined ? [] : [`PersistentVolume/${spec.volumeName}`]),
  ])
  const all = [...release, ...unmanaged, ...others.flat(), ...volumes].toSorted()
  return [...new Set([...all, `Namespace/${target.release}`])]
}

async function objectsOf(
  { api, withNamespaceAccess }: Cluster,
  target: Target,
  kind: Kind,
): Promise<string[]> {
  const collection = { kind, namespace: target.release }
  const found = await withNamespaceAccess(target, () => listMetadata(api, collection))
  return found.map(({ name }) => `${kind}/${name}`)
}

// They go with the namespace, so the store's history has to name them.
async function unmanagedReleases({ api, withNamespaceAccess, logger }: Cluster, target: Target) {
  const { release } = target
  const collection = { kind: 'Secret', namespace: release } as const
  const labelSelector = `owner=helm,name!=${release}`
  const records = await withNamespaceAccess(target, () =>
    listMetadata(api, collection, { labelSelector }),
  )
  const names = [...new Set(records.map(({ labels }) => labels['name'] ?? ''))]
  if (names.length > 0)
    logger.warn({ release, names }, 'Releases of others go with the namespace of the store')
  return names.map((name) => `HelmRelease/${name}`)
}

const storedRelease = z.object({ data: z.object({ release: z.base64() }) })
const release = z.object({ manifest: z.string().default('') })
const object = z.object({ kind: z.string(), metadata: z.object({ name: z.string() }) })

// Helm keeps a release as JSON, packed by gzip and base64, in a Secret.
async function releaseObjects(cluster: Cluster, target: Target): Promise<string[]> {
  const [newest] = await readRecords(cluster, target)
  if (newest === undefined) return []
  const { name } = newest
  const record = { kind: 'Secret', namespace: target.release, name } as const
  const stored = await readObject(cluster.api, record, storedRelease)
  if (stored === undefined) return []
  try {
    const packed = Buffer.from(Buffer.from(stored.data.release, 'base64').toString(), 'base64')
    const { manifest } = release.parse(JSON.parse(gunzipSync(packed).toString()))
    return loadAll(manifest).flatMap((document) => {
      const { data } = object.safeParse(document)
      return data === undefined ? [] : [`${data.kind}/${data.metadata.name}`]
    })
  } catch (err) {
    cluster.logger.warn(
      { err, release: target.release },
      'The record of the release is not readable',
    )
    return []
  }
}
