import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '#domain'
import { readChart } from '../../chart.ts'
import type { Helm } from '../../helm/helm.ts'
import type { Ended } from '../../helm/run-supervised.ts'
import type { ClaimLease, Driver, Target } from '../../reconcile/driver.ts'
import { listFolder, MANIFESTS, observeFolder, RECORD, writeRecord } from './release-folder.ts'
import { fenceStaging, flush, prepareStaging, withStaging } from './staging.ts'

export interface RenderOptions {
  helm: Helm
  chartsDir: string
  /** Holds one folder per release, as a GitOps tool would pick them up. */
  releasesDir: string
}

/** Renders a store's chart into a folder of its own: whole or not at all, once per claim. */
export async function openRenderDriver(options: RenderOptions): Promise<Driver> {
  const { releasesDir } = options
  await mkdir(releasesDir, { recursive: true })
  await prepareStaging(releasesDir)
  const folderOf = ({ release }: Target) => join(releasesDir, release)
  return {
    observe: (target) => observeFolder(folderOf(target), target.request.storeId),
    fence: ({ release }, { claimId }) => fenceStaging(releasesDir, release, claimId),
    deploy: (target, lease) => deploy(options, target, lease),
    // A render is whole or not there: nothing is ever pending.
    unlock: () => Promise.resolve(),
    inventory: (target) => listFolder(folderOf(target)),
    uninstall: (target, lease) => uninstall(options, target, lease),
    confirmRoute: (target) => confirmRoute(folderOf(target), target),
  }
}

function deploy(options: RenderOptions, target: Target, lease: ClaimLease): Promise<Ended> {
  const { helm, releasesDir } = options
  const { release, chart, values } = target
  const { claimId } = lease
  return withStaging({ releasesDir, release, claimId }, async (staging) => {
    const valuesFile = join(staging, 'values.yaml')
    await writeFile(valuesFile, values.yaml, { mode: 0o600, flag: 'wx' })
    const rendered = join(staging, 'rendered')
    await mkdir(rendered)
    await chmod(rendered, 0o755)
    await lease.confirm()
    const args = ['template', '--namespace', release, '--values', valuesFile]
    const manifests = join(rendered, MANIFESTS)
    const ended = await helm.run([...args, '--', release, chart.path], manifests, lease)
    if (ended.code !== 0 || ended.reason !== undefined) return ended
    await refuseChangedChart(options, target)
    await writeRecordBeside(manifests, target, lease)
    await lease.confirm()
    await publish(rendered, join(releasesDir, release), target.request.storeId)
    await flush(releasesDir)
    return ended
  })
}

/** The route is as good as the GitOps tool that applies it; a chart of others may have none. */
async function confirmRoute(folder: string, { values: { route }, release }: Target) {
  if (route.kind === 'none' || route.kind === 'external') return undefined
  const wanted = `${route.kind === 'ingress' ? 'Ingress' : 'HTTPRoute'}/${release}-server`
  if ((await listFolder(folder)).includes(wanted)) return { route: wanted }
  throw new AppError('ROUTE_NOT_ACCEPTED', `The chart has rendered no ${wanted}`)
}

async function refuseChangedChart({ chartsDir }: RenderOptions, target: Target): Promise<void> {
  const { digest } = await readChart(chartsDir, target.request.engine)
  if (digest === target.chart.digest) return
  throw new AppError('CHART_INVALID', 'The chart changed while it was used', { retryable: true })
}

async function writeRecordBeside(manifests: string, target: Target, lease: ClaimLease) {
  const { chart, values, request } = target
  const labels = {
    store: request.storeId,
    attempt: lease.attempt,
    claim: lease.claimId,
    values: values.digest,
    chart: chart.digest,
  }
  const file = join(manifests, '..', RECORD)
  await writeFile(file, writeRecord(labels, await readFile(manifests)), { flag: 'wx' })
  for (const path of [file, manifests]) {
    await chmod(path, 0o644)
    await flush(path)
  }
}

/**
 * A new release appears as one folder. An existing one is replaced file by file, so that a reader never
 * finds it missing; the record comes last, and without the right one the release counts as failed.
 */
async function publish(rendered: string, folder: string, storeId: string): Promise<void> {
  try {
    await rename(rendered, folder)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && isTaken(error.code))) throw error
    if ((await observeFolder(folder, storeId)).status === 'unmanaged') return
    await rename(join(rendered, MANIFESTS), join(folder, MANIFESTS))
    await rename(join(rendered, RECORD), join(folder, RECORD))
  }
  await flush(folder)
}

const isTaken = (code: unknown): boolean => code === 'ENOTEMPTY' || code === 'EEXIST'

function uninstall(options: RenderOptions, target: Target, lease: ClaimLease): Promise<void> {
  const { releasesDir } = options
  const { release } = target
  const { claimId } = lease
  return withStaging({ releasesDir, release, claimId }, async (staging) => {
    await lease.confirm()
    await rename(join(releasesDir, release), join(staging, 'removed'))
    await flush(releasesDir)
  })
}
