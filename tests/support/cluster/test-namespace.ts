import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Api, ApiAnswer } from '../../../tools/cluster/control-plane/api-client.ts'
import { eventually } from '../eventually.ts'

const events = z.object({
  items: z.array(z.object({ reason: z.string(), message: z.string() })),
})

/** A namespace of its own, ready to take pods; resources are named as in `apis/apps/v1/deployments`. */
export async function testNamespace(api: Api, labels: Record<string, string> = {}) {
  const name = `test-${randomUUID().slice(0, 8)}`
  await expectCreated(api, '/api/v1/namespaces', { metadata: { name, labels } })
  const pathOf = (resource: string) => {
    const parts = /^(api\/v1|apis\/[^/]+\/[^/]+)\/(.+)$/.exec(resource)
    if (parts === null) throw new Error(`${resource} does not name an API group and a resource`)
    return `/${parts[1]}/namespaces/${name}/${parts[2]}`
  }
  const get = (resource: string) => api(pathOf(resource))
  // Until it is there, every pod is refused.
  await eventually(async () => {
    const { status } = await get('api/v1/serviceaccounts/default')
    if (status !== 200) throw new Error(`${name} has no service account yet`)
  })
  return {
    name,
    pathOf,
    get,
    /** Sends it; the answer may be a refusal. */
    post: (resource: string, body: object): Promise<ApiAnswer> =>
      api(pathOf(resource), { method: 'POST', body }),
    /** Creates it, or throws what the API server says against it. */
    create: (resource: string, body: object) => expectCreated(api, pathOf(resource), body),
    /** The warnings about the object of that name, as `Reason: message`. */
    warnings: async (about: string): Promise<string[]> => {
      const selector = encodeURIComponent(`involvedObject.name=${about},type=Warning`)
      const { body } = await get(`api/v1/events?fieldSelector=${selector}`)
      return events.parse(body).items.map(({ reason, message }) => `${reason}: ${message}`)
    },
  }
}

async function expectCreated(api: Api, path: string, body: object): Promise<unknown> {
  const answer = await api(path, { method: 'POST', body })
  if (answer.status === 201) return answer.body
  throw new Error(`${path} was answered with ${answer.status}: ${JSON.stringify(answer.body)}`)
}
