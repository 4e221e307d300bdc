const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

/** The stream of a store. */
export const storeStream = (storeId: string): string => `store-${storeId}`

/**
 * The name of a store's release and namespace: `s-` and the store id (a UUID) in base32, 28 characters.
 * It comes from the id alone, so no text of a user ever reaches a resource's name.
 */
export function releaseNameOf(storeId: string): string {
  let bits = BigInt(`0x${storeId.replaceAll('-', '')}`)
  let name = ''
  for (let length = 0; length < 26; length++) {
    name = (alphabet[Number(bits & 31n)] ?? '') + name
    bits >>= 5n
  }
  return `s-${name}`
}
