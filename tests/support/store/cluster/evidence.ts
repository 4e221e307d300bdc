import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { StoreWorld } from '../store-world.ts'

const LINES = 25
const containerStatus = z.object({
  name: z.string(),
  restartCount: z.int(),
  state: z.unknown(),
  lastState: z.unknown(),
})
const podList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), namespace: z.string() }),
      spec: z.object({
        initContainers: z.array(z.object({ name: z.string() })).default([]),
        containers: z.array(z.object({ name: z.string() })),
      }),
      status: z.object({
        phase: z.string().optional(),
        initContainerStatuses: z.array(containerStatus).default([]),
        containerStatuses: z.array(containerStatus).default([]),
      }),
    }),
  ),
})
const eventList = z.object({
  items: z.array(
    z.object({
      type: z.string().optional(),
      reason: z.string().optional(),
      message: z.string().optional(),
      involvedObject: z.object({ kind: z.string().optional(), name: z.string().optional() }),
      metadata: z.object({ namespace: z.string() }),
    }),
  ),
})

/** What one needs to see after a failure: pods, their last words, warnings, and the provisioners'. */
export async function evidence(world: StoreWorld): Promise<string> {
  const parts = [podsAndLogs(world), warnings(world), provisioners(world), cluster(world)]
  const told = await Promise.allSettled(parts)
  return told
    .map((part) => (part.status === 'fulfilled' ? part.value : `not to be had: ${part.reason}`))
    .join('\n')
}

async function podsAndLogs({ api }: StoreWorld): Promise<string> {
  const { items } = podList.parse((await api('/api/v1/pods')).body)
  const told = items.map(async ({ metadata: { name, namespace }, spec, status }) => {
    const lines = [`--- pod ${namespace}/${name}: ${JSON.stringify(status)}`]
    for (const container of [...spec.initContainers, ...spec.containers]) {
      const query = `container=${container.name}&tailLines=${LINES}`
      const log = await api(`/api/v1/namespaces/${namespace}/pods/${name}/log?${query}`)
      lines.push(`--- log of ${name} ${container.name}:`, String(log.body))
    }
    return lines.join('\n')
  })
  return (await Promise.all(told)).join('\n')
}

async function warnings({ api }: StoreWorld): Promise<string> {
  const { items } = eventList.parse((await api('/api/v1/events?fieldSelector=type%3DWarning')).body)
  const lines = items.map(({ metadata, involvedObject, reason, message }) =>
    [metadata.namespace, involvedObject.kind, involvedObject.name, reason, message].join(' '),
  )
  return ['--- warnings', ...lines.slice(-LINES)].join('\n')
}

async function provisioners({ stack }: StoreWorld): Promise<string> {
  const names = ['provisioner', 'provisioner-2']
  const told = names.map(async (name) => {
    const text = await readFile(join(stack.dataDir, 'logs', `${name}.log`), 'utf8')
    return [`--- ${name}`, ...text.trim().split('\n').slice(-LINES)].join('\n')
  })
  return (await Promise.all(told)).join('\n')
}

async function cluster({ clusterLog }: StoreWorld): Promise<string> {
  return ['--- cluster', ...clusterLog.slice(-LINES)].join('\n')
}
