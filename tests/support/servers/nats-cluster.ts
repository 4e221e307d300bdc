import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'nats'
import { z } from 'zod'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { type RunningProcess, startProcess } from '../../../embedded/processes/start-process.ts'
import { toolPath } from '../../../embedded/tools.ts'
import { eventually } from '../eventually.ts'
import { freezeProcess } from '../freeze-process.ts'
import { tcpProxy } from '../projector/tcp-proxy.ts'
import { tempFolder } from '../temp-folder.ts'

const nodes = [0, 1, 2]
const soon = { timeoutMs: 60_000 }

interface ClusterOptions {
  /** Node 0 without the others, as a single server that becomes one of three. */
  isSingle?: boolean
}

/**
 * Three real nats-servers with JetStream on this machine. Each reaches each other through a proxy of its own, so that
 * it can be cut off while clients still reach it.
 */
export async function natsCluster({ isSingle = false }: ClusterOptions = {}) {
  await using building = new AsyncDisposableStack()
  const folder = building.use(await tempFolder('storewright-nats-cluster-'))
  const clientPorts = await Promise.all(nodes.map(freePort))
  const routePorts = await Promise.all(nodes.map(freePort))
  const monitoring = (await Promise.all(nodes.map(freePort))).map((port) => `127.0.0.1:${port}`)
  const proxies = new Map<string, Awaited<ReturnType<typeof tcpProxy>>>()
  for (const from of nodes)
    for (const to of nodes.filter((node) => node !== from)) {
      const proxy = building.use(await tcpProxy(`nats://127.0.0.1:${routePorts[to]}`))
      proxies.set(`${from}${to}`, proxy)
    }
  const servers: (RunningProcess | undefined)[] = []

  const start = async (node: number, single = false) => {
    const [config, logFile] = ['conf', 'log'].map((end) => join(folder.path, `${node}.${end}`))
    const routes = nodes.flatMap((other) => proxies.get(`${node}${other}`)?.url ?? [])
    const cluster = `cluster {
      name: storewright, listen: "127.0.0.1:${routePorts[node]}", pool_size: -1
      # Nobody reaches it but by the proxies.
      advertise: "127.0.0.1:1", no_advertise: false
      routes: [${routes.map((url) => JSON.stringify(url)).join(', ')}]
    }`
    const configuration = `
      server_name: "node-${node}", listen: "127.0.0.1:${clientPorts[node]}"
      http: "${monitoring[node]}"
      jetstream { store_dir: ${JSON.stringify(join(folder.path, `data-${node}`))}
        max_memory_store: 64MB, max_file_store: 256MB, sync_interval: "1s" }
      ${single ? '' : cluster}`
    await writeFile(config ?? '', configuration)
    const command = toolPath('nats-server')
    servers[node] = await startProcess({
      command,
      args: ['-c', config ?? ''],
      logFile: logFile ?? '',
    })
  }
  const pidOf = (node: number): number => {
    const pid = servers[node]?.pid
    if (pid === undefined) throw new Error(`Node ${node} does not run`)
    return pid
  }
  const kill = async (node: number) => {
    const server = servers[node]
    if (server === undefined) return
    servers[node] = undefined
    try {
      process.kill(server.pid, 'SIGKILL')
    } catch (error) {
      // It has ended by itself.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
    }
    await server.exited
  }
  building.defer(async () => {
    await Promise.all(nodes.map(kill))
  })
  /** Rejects when a server ends, with what it has said; only while it is not asked to. */
  const ended = async (node: number): Promise<never> => {
    await servers[node]?.exited
    const said = await readFile(join(folder.path, `${node}.log`), 'utf8')
    throw new Error(`The nats-server of node ${node} has ended: ${said.slice(-1_000)}`)
  }
  const started = isSingle ? [0] : nodes
  for (const node of started) await start(node, isSingle)
  const urls = clientPorts.map((port) => `nats://127.0.0.1:${port}`)
  const address = (of: number[]) => of.map((node) => urls[node]).join(',')
  await Promise.race([
    Promise.all(started.map((node) => eventually(() => answers(urls[node] ?? ''), soon))),
    ...started.map(ended),
  ])
  const routesOf = (node: number) =>
    [...proxies].flatMap(([name, proxy]) => (name.includes(`${node}`) ? proxy : []))
  const stack = building.move()
  return {
    url: address(nodes),
    urls,
    kill,
    start,
    freeze: (node: number) => freezeProcess(pidOf(node)),
    thaw: (node: number) => process.kill(pidOf(node), 'SIGCONT'),
    /** Which node leads this stream, or all of JetStream; only while every node answers. */
    leaderOf: async (what: string): Promise<number> => {
      const seenBy = await Promise.all(monitoring.map(leadersSeenBy))
      const leader = seenBy.map((seen) => seen(what)).find((name) => name !== undefined)
      if (leader === undefined) throw new Error(`Nobody leads ${what}`)
      return Number(leader.replace('node-', ''))
    },
    /** Cuts a node off from the two others; clients still reach it. */
    isolate: (node: number) => routesOf(node).forEach((route) => route.close()),
    rejoin: (node: number) => routesOf(node).forEach((route) => route.open()),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

async function answers(url: string): Promise<void> {
  const connection = await connect({ servers: url, timeout: 2_000, reconnect: false })
  await connection.jetstreamManager({ timeout: 2_000 }).finally(() => connection.close())
}

/** JetStream as the leader of all leaders. */
export const META = 'meta'
const clustered = z.object({ leader: z.string().optional() }).optional()
const jetStream = z.object({
  meta_cluster: clustered,
  account_details: z
    .array(z.object({ stream_detail: z.array(z.object({ name: z.string(), cluster: clustered })) }))
    .default([]),
})

async function leadersSeenBy(monitoring: string) {
  const url = `http://${monitoring}/jsz?accounts=true&streams=true`
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) })
  const { meta_cluster: meta, account_details: accounts } = jetStream.parse(await response.json())
  const streams = accounts.flatMap(({ stream_detail: details }) => details)
  return (what: string) =>
    what === META ? meta?.leader : streams.find(({ name }) => name === what)?.cluster?.leader
}
