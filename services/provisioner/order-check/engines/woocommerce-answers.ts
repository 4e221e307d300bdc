import { z } from 'zod'

/** What is needed of the answers of WooCommerce's Store API. */
const id = z.int().positive()

export const products = z.array(
  z.object({
    id,
    slug: z.string(),
    is_purchasable: z.boolean(),
    is_in_stock: z.boolean(),
    has_options: z.boolean().default(false),
  }),
)

export const cart = z.object({ payment_methods: z.array(z.string()) })

export const checkout = z.object({
  order_id: id,
  order_key: z.string().min(1),
  status: z.string(),
  payment_result: z.object({ payment_status: z.string() }),
})

export const order = z.object({ id })
