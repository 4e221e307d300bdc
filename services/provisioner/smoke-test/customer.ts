/** By this a shop's owner recognises the order of a smoke test; `.invalid` belongs to nobody (RFC 2606). */
export const customer = {
  email: 'smoke-test@storewright.invalid',
  firstName: 'Order',
  lastName: 'Check',
  street: 'Test order, nothing to ship',
  city: 'Wien',
  postcode: '1010',
  phone: '0000000',
} as const

/** The customer's country unless the shop sells only elsewhere; ISO 3166, lower case. */
export const COUNTRY = 'at'

/** The product a new shop comes with. */
export const SAMPLE_PRODUCT = 'sample-product'
