import { Resolver } from 'node:dns/promises'
import { z } from 'zod'
import type { Api } from '../../../tools/cluster/control-plane/api-client.ts'
import { placeOrder } from '../../../services/provisioner/smoke-test/smoke-test.ts'

const LIMIT_MS = 60_000
const base64 = z.string().transform((text) => Buffer.from(text, 'base64').toString('utf8'))
const secret = z.object({ data: z.record(z.string(), base64) })
const login = z.object({ token: z.string() })
const keys = z.object({ api_keys: z.array(z.object({ token: z.string() })) })
const order = z.object({
  order: z.object({
    id: z.string(),
    status: z.string(),
    created_at: z.iso.datetime(),
    currency_code: z.string(),
    region: z.object({ name: z.string() }),
  }),
})

export interface ShopPlace {
  api: Api
  /** Where the cluster's DNS answers. */
  dns: string
  release: string
}

/** A Medusa store as its customers and its owner see it: behind its Service, by the Service's name. */
export async function openShop({ api, dns, release }: ShopPlace) {
  const resolver = new Resolver({ timeout: 5_000 })
  resolver.setServers([dns])
  const [address] = await resolver.resolve4(`${release}-server.${release}.svc.cluster.local`)
  const url = `http://${address}`
  const { body } = await api(`/api/v1/namespaces/${release}/secrets/store-secret`)
  const secrets = secret.parse(body).data
  const account = {
    email: secrets['admin-email'] ?? '',
    password: secrets['admin-password'] ?? '',
  }
  const { token } = login.parse(await send(`${url}/auth/user/emailpass`, { body: account }))
  const owner = { authorization: `Bearer ${token}` }
  return {
    url,
    secrets,
    /** An order as its owner sees it. */
    order: async (id: string) =>
      order.parse(
        await send(`${url}/admin/orders/${id}?fields=%2Bcurrency_code,%2Bregion.name`, {
          headers: owner,
        }),
      ).order,
    /** A new order, placed as a customer does. */
    buy: async () => {
      const { signal } = new AbortController()
      const shop = { engine: 'medusa', baseUrl: url, host: 'shop.example.com' } as const
      return placeOrder({ ...shop, signal, limitMs: LIMIT_MS, admin: account })
    },
    /** What a storefront names in every request. */
    publishableKey: async (): Promise<string> => {
      const listed = await send(`${url}/admin/api-keys?type=publishable`, { headers: owner })
      const [key] = keys.parse(listed).api_keys
      if (key === undefined) throw new Error(`${release} has no publishable key`)
      return key.token
    },
  }
}

async function send(
  url: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: object },
): Promise<unknown> {
  const answer = await fetch(url, {
    headers: { ...headers, 'content-type': 'application/json' },
    signal: AbortSignal.timeout(LIMIT_MS),
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
  })
  if (!answer.ok)
    throw new Error(`${url} was answered with ${answer.status}: ${await answer.text()}`)
  return answer.json()
}
