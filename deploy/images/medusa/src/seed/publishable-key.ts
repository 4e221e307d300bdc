import type { MedusaContainer } from '@medusajs/framework/types'
import { Modules } from '@medusajs/framework/utils'
import {
  createApiKeysWorkflow,
  linkSalesChannelsToApiKeyWorkflow,
} from '@medusajs/medusa/core-flows'
import { first } from './first'

const TITLE = 'storefront'

/** Sees to a key a storefront names in every request, Medusa's own or a new one; the admin API lists it. */
export async function ensurePublishableKey(
  container: MedusaContainer,
  salesChannelId: string,
): Promise<void> {
  const keys = container.resolve(Modules.API_KEY)
  const [existing] = await keys.listApiKeys({ type: 'publishable' })
  const id = existing?.id ?? (await createKey(container))
  const input = { id, add: [salesChannelId] }
  await linkSalesChannelsToApiKeyWorkflow(container).run({ input })
}

async function createKey(container: MedusaContainer): Promise<string> {
  const key = { title: TITLE, type: 'publishable' as const, created_by: '' }
  const { result } = await createApiKeysWorkflow(container).run({ input: { api_keys: [key] } })
  return first(result, 'publishable key').id
}
