import { randomUUID } from 'node:crypto'
import { eventually } from '../../eventually.ts'
import type { StoreWorld } from '../store-world.ts'
import { z } from 'zod'

const START_LIMIT_MS = 60_000
const pod = z.object({ status: z.object({ phase: z.string() }) })

/** A pod of somebody else, running when this returns, with any labels he likes. */
export async function neighbour(
  { api, images }: Pick<StoreWorld, 'api' | 'images'>,
  namespace: string,
  labels: Record<string, string>,
) {
  const name = `neighbour-${randomUUID().slice(0, 8)}`
  const pods = `/api/v1/namespaces/${namespace}/pods`
  const container = {
    name: 'neighbour',
    image: images.server.reference,
    imagePullPolicy: 'Never',
    command: ['node', '--eval', 'setInterval(() => {}, 1000)'],
  }
  const spec = { containers: [container], terminationGracePeriodSeconds: 0 }
  const { status, body } = await api(pods, {
    method: 'POST',
    body: { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec },
  })
  if (status !== 201)
    throw new Error(`${pods} was answered with ${status}: ${JSON.stringify(body)}`)
  const runs = async () => {
    const { phase } = pod.parse((await api(`${pods}/${name}`)).body).status
    if (phase !== 'Running') throw new Error(`${name} is ${phase}`)
  }
  await eventually(runs, { timeoutMs: START_LIMIT_MS, everyMs: 250 })
  return { namespace, pod: name, container: container.name }
}
