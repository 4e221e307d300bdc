import { resolve } from 'node:path'
import { openEventStore } from '#eventstore'
import { CommanderError } from 'commander'
import { compare } from './compare.ts'
import { parseConfig, type DoctorConfig } from './config.ts'
import { describeReport, metricsOf, type Report } from './describe.ts'
import { findFolders } from './look/folders.ts'
import type { FoundRelease } from './look/found-release.ts'
import { look } from './look/look.ts'
import { parseOptions, type DoctorOptions, type Output } from './options.ts'
import { chooseRepairs, repairStores } from './repair.ts'

const CALL_LIMIT_MS = 15_000

/**
 * The command `doctor`: compares the log with what is there. Resolves to its exit code: 0 they agree, or what did not
 * was repaired, 1 they do not, 2 it could not look or repair.
 */
export async function runDoctor(
  args: string[],
  env: NodeJS.ProcessEnv,
  output: Output = process,
): Promise<number> {
  try {
    return await examine(parseOptions(args, output), parseConfig(env), output)
  } catch (error) {
    // Commander has said it already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    output.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 2
  }
}

async function examine(
  options: DoctorOptions,
  config: DoctorConfig,
  { stdout, stderr }: Output,
): Promise<number> {
  const findReleases = await openFinder(config)
  const { EVENTSTORE_URL: connectionString } = config
  const eventStore = openEventStore({ connectionString, timeoutMs: CALL_LIMIT_MS })
  try {
    const looked = await look(eventStore, findReleases)
    const silentMs = options.silentMinutes * 60_000
    const findings = compare({ ...looked, silentMs, now: new Date().toISOString() })
    const { stores, found, moved } = looked
    const repairs = chooseRepairs(findings, options.repair)
    const report = {
      stores: stores.length,
      releases: found.length,
      moved: moved.size,
      findings,
    }
    stdout.write(await textOf(report, options))
    for await (const done of repairStores(eventStore, stores, repairs)) stderr.write(`${done}\n`)
    return findings.length > repairs.length ? 1 : 0
  } finally {
    await eventStore.close()
  }
}

async function openFinder({
  DRIVER,
  RELEASES_DIR,
  KUBECONFIG,
}: DoctorConfig): Promise<() => Promise<FoundRelease[]>> {
  if (DRIVER === 'render') return () => findFolders(resolve(RELEASES_DIR))
  // Loaded here: driver render has no use for the Kubernetes client.
  const { openCluster } = await import('./look/on-cluster.ts')
  return openCluster(KUBECONFIG)
}

async function textOf(report: Report, { json, prometheus }: DoctorOptions): Promise<string> {
  if (json) return `${JSON.stringify(report)}\n`
  return prometheus ? metricsOf(report) : describeReport(report)
}
