import { z } from 'zod'

/** The parts of Medusa's answers that are used. Ids go into paths. */
const id = z.string().regex(/^[\w-]+$/)
const withId = z.object({ id })

export const login = z.object({ token: z.string().min(1) })

export const apiKeys = z.object({
  api_keys: z.array(
    z.object({ token: z.string().min(1), revoked_at: z.string().nullable().default(null) }),
  ),
})

export const regions = z.object({
  regions: z.array(
    z.object({ id, countries: z.array(z.object({ iso_2: z.string() })).default([]) }),
  ),
})

const variant = z.object({ id, calculated_price: z.object({}).nullable().default(null) })

export const products = z.object({
  products: z.array(
    z.object({
      handle: z.string().nullable(),
      variants: z
        .array(variant)
        .nullable()
        .transform((all) => all ?? []),
    }),
  ),
})

export const cart = z.object({ cart: withId })
export const shippingOptions = z.object({ shipping_options: z.array(withId) })
export const paymentProviders = z.object({
  payment_providers: z.array(z.object({ id: z.string() })),
})
export const paymentCollection = z.object({ payment_collection: withId })
export const order = z.object({ order: withId })

export const completed = z.discriminatedUnion('type', [
  z.object({ type: z.literal('order'), order: withId }),
  z.object({ type: z.literal('cart'), error: z.object({ message: z.string() }).optional() }),
])
