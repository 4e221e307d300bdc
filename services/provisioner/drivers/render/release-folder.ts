import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadAll } from 'js-yaml'
import { z } from 'zod'
import type { ObservedRelease, ReleaseLabels } from '../../reconcile/driver.ts'

export const MANIFESTS = 'manifests.yaml'
export const RECORD = 'release.json'

const record = z.object({
  status: z.literal('deployed'),
  labels: z.object({
    'cp.store': z.string(),
    'cp.attempt': z.int(),
    'cp.claim': z.string(),
    'cp.values': z.string(),
    'cp.chart': z.string(),
  }),
  /** SHA-256 of the manifests, hex: a record and manifests that do not belong together are told apart. */
  manifests: z.string(),
})

/** The release record that lies beside the manifests. */
export function writeRecord(labels: ReleaseLabels, manifests: Uint8Array): string {
  const content: z.input<typeof record> = {
    status: 'deployed',
    labels: {
      'cp.store': labels.store,
      'cp.attempt': labels.attempt,
      'cp.claim': labels.claim,
      'cp.values': labels.values,
      'cp.chart': labels.chart,
    },
    manifests: sha256(manifests),
  }
  return `${JSON.stringify(content, null, 2)}\n`
}

/** What lies in a release's folder. */
export async function observeFolder(folder: string, storeId: string): Promise<ObservedRelease> {
  const observed = await whileUnchanged(folder, (found) => observeFound(folder, found, storeId))
  return observed ?? { status: 'absent' }
}

/**
 * What was read of a folder that did not change during the read: when it is moved away or replaced, it is
 * read again. Undefined when there is none.
 */
export async function whileUnchanged<T>(
  folder: string,
  read: (found: Stats) => Promise<T>,
): Promise<T | undefined> {
  for (;;) {
    const found = await lstat(folder).catch(absent)
    if (found === undefined) return undefined
    const content = await read(found).catch(absent)
    const after = await lstat(folder).catch(absent)
    if (content !== undefined && isSame(found, after)) return content
  }
}

const isSame = (before: Stats, after: Stats | undefined): boolean =>
  after?.ino === before.ino && after.ctimeMs === before.ctimeMs

async function observeFound(
  folder: string,
  found: Stats,
  storeId: string,
): Promise<ObservedRelease> {
  const unmanaged = (detail: string): ObservedRelease => ({ status: 'unmanaged', detail })
  if (!found.isDirectory()) return unmanaged(`${folder} is not a folder`)
  if ((await readdir(folder)).length === 0) return { status: 'absent' }
  const stored = await readRecord(join(folder, RECORD))
  if (stored === undefined) return unmanaged(`${folder} holds no readable ${RECORD}`)
  const { labels, digest } = stored
  if (labels.store !== storeId) return unmanaged(`${folder} belongs to store ${labels.store}`)
  const manifests = await readFile(join(folder, MANIFESTS)).catch(absent)
  if (manifests === undefined || sha256(manifests) !== digest)
    return { status: 'failed', detail: `${MANIFESTS} is not what ${RECORD} says` }
  return { status: 'deployed', labels }
}

/** What a release's folder holds: each object as `Kind/name`, then each file. */
export async function listFolder(folder: string): Promise<string[]> {
  const files = await readdir(folder).catch(absent)
  if (files === undefined) return []
  const manifests = await readFile(join(folder, MANIFESTS), 'utf8').catch(() => '')
  return [...objectsOf(manifests), ...files.toSorted()]
}

const kubernetesObject = z.object({ kind: z.string(), metadata: z.object({ name: z.string() }) })

function objectsOf(manifests: string): string[] {
  let documents: unknown[]
  try {
    documents = loadAll(manifests)
  } catch {
    return []
  }
  return documents.flatMap((document) => {
    const { success, data } = kubernetesObject.safeParse(document)
    return success ? [`${data.kind}/${data.metadata.name}`] : []
  })
}

async function readRecord(
  file: string,
): Promise<{ labels: ReleaseLabels; digest: string } | undefined> {
  const text = await readFile(file, 'utf8').catch(absent)
  if (text === undefined) return undefined
  try {
    const { labels, manifests: digest } = record.parse(JSON.parse(text))
    const { 'cp.store': store, 'cp.attempt': attempt, 'cp.claim': claim } = labels
    const { 'cp.values': values, 'cp.chart': chart } = labels
    return { labels: { store, attempt, claim, values, chart }, digest }
  } catch {
    return undefined
  }
}

function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
