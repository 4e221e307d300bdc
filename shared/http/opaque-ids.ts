import { createCipheriv, createDecipheriv, createHmac, randomBytes, scryptSync } from 'node:crypto'

/** Names for what tenants need and must not look into: positions in the log of all tenants, and workers. */
export interface OpaqueIds {
  /** A tenant's token for a position: always the same, for the tenant's own events. */
  tokenOf: (position: bigint, tenantId: string) => string
  /** Another one each time, for how far the log is: equal ones would tell that nobody did anything. */
  freshTokenOf: (position: bigint, tenantId: string) => string
  /** Undefined for a text that is no token of this tenant. */
  positionOf: (token: string, tenantId: string) => bigint | undefined
  /** A worker's name tells its machine and its process; this tells only one worker from another. */
  workerOf: (name: string, tenantId: string) => string
}

const CIPHER = 'aes-256-ecb'
const TOKEN = /^[\w-]{22}$/
const CHECK_BYTES = 4
const SALT_BYTES = 4
const noSalt = Buffer.alloc(SALT_BYTES)

/**
 * Every process with the same key makes and reads the same tokens. A token is one block of a cipher, so nothing of the
 * position can be seen or changed; it holds the position, a salt and a check that ties it to its tenant.
 */
export function opaqueIds(key: string): OpaqueIds {
  // Slow, so that a weak key cannot be guessed from tokens.
  const keys = scryptSync(key, 'storewright opaque ids', 64)
  const cipherKey = keys.subarray(0, 32)
  const digestOf = (text: string) => createHmac('sha256', keys.subarray(32)).update(text).digest()
  const checkOf = (tenantId: string) => digestOf(`tenant ${tenantId}`).subarray(0, CHECK_BYTES)
  const write = (position: bigint, tenantId: string, salt: Buffer) => {
    const block = Buffer.alloc(8)
    block.writeBigUInt64BE(position)
    const cipher = createCipheriv(CIPHER, cipherKey, null).setAutoPadding(false)
    return cipher.update(Buffer.concat([block, salt, checkOf(tenantId)])).toString('base64url')
  }
  return {
    tokenOf: (position, tenantId) => write(position, tenantId, noSalt),
    freshTokenOf: (position, tenantId) => write(position, tenantId, randomBytes(SALT_BYTES)),
    positionOf: (token, tenantId) => {
      if (!TOKEN.test(token)) return undefined
      const block = Buffer.from(token, 'base64url')
      // Its last character has bits that decoding ignores.
      if (block.toString('base64url') !== token) return undefined
      const decipher = createDecipheriv(CIPHER, cipherKey, null).setAutoPadding(false)
      const plain = decipher.update(block)
      const isOurs = plain.subarray(8 + SALT_BYTES).equals(checkOf(tenantId))
      return isOurs ? plain.readBigUInt64BE() : undefined
    },
    workerOf: (name, tenantId) =>
      `w-${digestOf(`worker ${tenantId} ${name}`).toString('hex').slice(0, 12)}`,
  }
}
