import { z } from 'zod'
import { eventually } from '../../eventually.ts'
import type { StoreWorld } from '../store-world.ts'

const READY_LIMIT_MS = 180_000
const podList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        uid: z.string(),
        deletionTimestamp: z.string().optional(),
      }),
      status: z.object({
        podIP: z.string().optional(),
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
      }),
    }),
  ),
})
const records = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ namespace: z.string(), labels: z.record(z.string(), z.string()) }),
    }),
  ),
})

/** What a store's release is on the cluster, as its administrator sees it. */
export function releaseOf({ api, inPod }: StoreWorld, release: string) {
  const podsPath = `/api/v1/namespaces/${release}/pods`
  const pods = async (component: string) => {
    const selector = encodeURIComponent(`app.kubernetes.io/component=${component}`)
    const { items } = podList.parse((await api(`${podsPath}?labelSelector=${selector}`)).body)
    return items.map(({ metadata, status }) => ({
      ...metadata,
      ip: status.podIP,
      isReady:
        metadata.deletionTimestamp === undefined &&
        status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    }))
  }
  const readyPod = (component: string, isWanted: (uid: string) => boolean = () => true) =>
    eventually(
      async () => {
        const found = (await pods(component)).find(({ isReady, uid }) => isReady && isWanted(uid))
        if (found === undefined) throw new Error(`${release} has no ready pod ${component}`)
        return found
      },
      { timeoutMs: READY_LIMIT_MS, everyMs: 250 },
    )
  return {
    readyPod,
    /** Removes a pod as somebody does who drains its node. */
    deletePod: async (name: string): Promise<void> => {
      await api(`${podsPath}/${name}`, { method: 'DELETE' })
    },
    /** Runs SQL in the database's own pod; resolves to the rows as text. */
    sql: async (statement: string): Promise<string> => {
      const { name } = await readyPod('database')
      const psql = ['psql', '--username', 'medusa', '--dbname', 'medusa', '--no-align']
      const container = { namespace: release, pod: name, container: 'postgres' }
      return inPod(container, [...psql, '--tuples-only', '--command', statement])
    },
    /** Helm's records of the release, in whichever namespace: the status of each. */
    records: async () => {
      const selector = encodeURIComponent(`owner=helm,name=${release}`)
      const { items } = records.parse((await api(`/api/v1/secrets?labelSelector=${selector}`)).body)
      return items.map(({ metadata: { namespace, labels } }) => ({
        namespace,
        status: labels['status'] ?? '',
      }))
    },
  }
}
