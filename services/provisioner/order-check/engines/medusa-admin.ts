import type { Shop } from '../shop/shop.ts'
import * as answers from './medusa-answers.ts'

export interface Admin {
  /** The key a storefront names in every request. */
  publishableKey: () => Promise<string>
  /** True when the order is cancelled; that it cannot be says nothing against the shop. */
  cancel: (orderId: string) => Promise<boolean>
}

/** Logs in at a Medusa shop as its administrator. */
export async function openAdmin(
  shop: Shop,
  account: { email: string; password: string },
): Promise<Admin> {
  const login = { method: 'POST', path: '/auth/user/emailpass', body: account } as const
  const { token } = await shop.call(login, answers.login)
  shop.keepSecret(token)
  const headers = { authorization: `Bearer ${token}` }
  return {
    publishableKey: async () => {
      const request = { path: '/admin/api-keys?type=publishable', headers }
      const { api_keys } = await shop.call(request, answers.apiKeys)
      const key = api_keys.find(({ revoked_at }) => revoked_at === null)
      if (key === undefined)
        throw shop.failure(request, 'names no publishable key that is not revoked')
      return key.token
    },
    cancel: async (orderId) => {
      const path = `/admin/orders/${orderId}/cancel`
      const answer = await shop.send({ method: 'POST', path, headers }).catch(() => undefined)
      return answer?.status === 200
    },
  }
}
