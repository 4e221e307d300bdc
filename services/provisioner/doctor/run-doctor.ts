import { resolve } from 'node:path'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { z } from 'zod'
import { eventStoreVariables, messagingVariables, parseEnvironment } from '#config'
import { openEventStore } from '#eventstore'
import { checkEventStore } from './check-event-store.ts'
import { checkNats } from './check-nats.ts'
import { compare } from './compare.ts'
import { chooseRepairs, repairStores } from './repair.ts'
import { describeChecks, describeReport, metricsOf, type Report } from './report.ts'
import { findFolders } from './snapshot/folders.ts'
import { type FoundRelease, takeSnapshot } from './snapshot/snapshot.ts'

const CALL_LIMIT_MS = 15_000

/**
 * The command `doctor`: compares the log with the releases, or says whether the event store and NATS are as they must
 * be. Resolves to its exit code: 0 all is well or was repaired, 1 it is not, 2 it could not find out or repair.
 */
export async function runDoctor(
  args: string[],
  env: NodeJS.ProcessEnv,
  output: Output = process,
): Promise<number> {
  try {
    const options = parseOptions(args, output)
    if (options.connections) return await examineConnections(options, env, output)
    return await examine(options, parseConfig(env), output)
  } catch (error) {
    // Commander has printed it already.
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
    const snapshot = await takeSnapshot(eventStore, findReleases)
    const silentMs = options.silentMinutes * 60_000
    const findings = compare({ ...snapshot, silentMs, now: new Date().toISOString() })
    const { stores, found, moved } = snapshot
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

async function examineConnections(
  { json, natsMonitoring }: DoctorOptions,
  env: NodeJS.ProcessEnv,
  { stdout }: Output,
): Promise<number> {
  const config = parseEnvironment(connectionsSchema, env)
  const found = await Promise.all([
    checkEventStore(config.EVENTSTORE_URL),
    checkNats(config.NATS_URL, natsMonitoring),
  ])
  const checks = found.flat()
  stdout.write(json ? `${JSON.stringify({ checks })}\n` : describeChecks(checks))
  return checks.some(({ status }) => status === 'wrong') ? 1 : 0
}

async function openFinder({
  DRIVER,
  RELEASES_DIR,
  KUBECONFIG,
}: DoctorConfig): Promise<() => Promise<FoundRelease[]>> {
  if (DRIVER === 'render') return () => findFolders(resolve(RELEASES_DIR))
  // Loaded here: driver render has no use for the Kubernetes client.
  const { openCluster } = await import('./snapshot/cluster.ts')
  return openCluster(KUBECONFIG)
}

async function textOf(report: Report, { json, prometheus }: DoctorOptions): Promise<string> {
  if (json) return `${JSON.stringify(report)}\n`
  return prometheus ? metricsOf(report) : describeReport(report)
}

interface DoctorOptions {
  /** Ids of the findings to repair. */
  repair: string[]
  /** The event store and NATS instead of stores and releases. */
  connections: boolean
  natsMonitoring?: string
  json: boolean
  prometheus: boolean
  silentMinutes: number
}

/** Where a command writes to: a process, or a substitute in tests. */
interface Output {
  stdout: { write: (text: string) => unknown }
  stderr: { write: (text: string) => unknown }
}

/** The doctor's options. Throws CommanderError after printing what is wrong. */
function parseOptions(args: string[], { stdout, stderr }: Output): DoctorOptions {
  return new Command('doctor')
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
    })
    .description(
      'Compares the event log with the releases of all stores. Changes nothing unless told to. ' +
        'Ends with 0 when they agree, 1 when they disagree, 2 when it could not compare them.',
    )
    .option('--repair <finding...>', 'repair these findings, where the system can', [])
    .option('--json', 'the report as one JSON object', false)
    .addOption(
      new Option('--connections', 'check the event store and NATS instead: nothing is compared')
        .default(false)
        .conflicts(['repair', 'prometheus']),
    )
    .option('--nats-monitoring <url>', 'with --connections: where to see how often NATS syncs')
    .addOption(
      new Option('--prometheus', "the report's figures as Prometheus text")
        .default(false)
        .conflicts('json'),
    )
    .option(
      '--silent-minutes <minutes>',
      'a store with open work and no event for longer than this has no worker',
      minutes,
      30,
    )
    .exitOverride()
    .parse(args, { from: 'user' })
    .opts<DoctorOptions>()
}

function minutes(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It must be a number above 0.')
  return Number(text)
}

const schema = z.object({
  ...eventStoreVariables,
  DRIVER: z.enum(['render', 'cluster']).default('render'),
  /** Driver cluster: a kubeconfig whose user may list namespaces and Secrets. */
  KUBECONFIG: z.string().optional(),
  RELEASES_DIR: z.string().default('.storewright/releases'),
})

const connectionsSchema = z.object({ ...eventStoreVariables, ...messagingVariables })

type DoctorConfig = z.output<typeof schema>

/** The part of the provisioner's environment that the doctor reads. Throws ConfigError. */
const parseConfig = (env: NodeJS.ProcessEnv): DoctorConfig => parseEnvironment(schema, env)
