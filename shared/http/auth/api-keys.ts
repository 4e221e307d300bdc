import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { decodeApiKeyEvent, decodeMetadata } from '#contracts'
import { type ApiKeyCreated, apiKeyStreamPrefix, AppError } from '#domain'
import type { Logger } from '#observability'

const SECRET_BYTES = 32
const form = /^sw_([0-9a-f]{16})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

export interface NewKey {
  id: string
  /** Shown once: only its hash is kept. */
  text: string
  hash: string
}

/** A new API key: `sw_<id>_<secret><checksum>`, the secret of 256 random bits. */
export function newKey(): NewKey {
  const id = randomBytes(8).toString('hex')
  const secret = base62(BigInt(`0x${randomBytes(SECRET_BYTES).toString('hex')}`), 43)
  const body = `sw_${id}_${secret}`
  const text = body + checksumOf(body)
  return { id, text, hash: hashOf(text) }
}

/** SHA-256 in hex: enough for what is random. */
export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Takes the same time whichever character differs. */
export const isSameHash = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))

const checksumOf = (body: string): string => base62(BigInt(crc32(body)), 6)

function base62(number: bigint, width: number): string {
  let text = ''
  for (let rest = number; rest > 0n; rest /= 62n) text = digits[Number(rest % 62n)] + text
  return text.padStart(width, '0')
}

/** The id in an API key's text; undefined for a text that is none, or was mistyped. */
export function keyIdIn(text: string): string | undefined {
  const [, id, , checksum] = form.exec(text) ?? []
  return checksum === checksumOf(text.slice(0, -6)) ? id : undefined
}

export interface KnownKey extends ApiKeyCreated {
  revokedAt?: string
  /** Who made it. */
  createdBy: string
}

/** The API keys of the log, in memory. */
export interface KeyRing {
  /** The key of this text, if it may be used. Throws KEYS_UNAVAILABLE when the log was not heard of for too long. */
  find: (text: string, now: number) => FoundKey | undefined
  /** Every key, revoked ones too, in the order they were made. Throws KEYS_UNAVAILABLE. */
  list: () => KnownKey[]
  /** The keys that were found since it was last asked: when each was last, by its id, in milliseconds since 1970. */
  takeUses: () => ReadonlyMap<string, number>
  /** Resolves when keys can be checked. */
  check: () => Promise<void>
}

interface FoundKey {
  key: KnownKey
  /** Aborts when the key is revoked, or can no longer be confirmed. */
  ended: AbortSignal
}

interface Stored {
  type: string
  data: unknown
  metadata: unknown
  stream: string
  revision: bigint
}

/** What the ring needs of the event store. */
interface KeyLog {
  subscribeToAll: (options: {
    streamPrefix: string
    signal: AbortSignal
    onLost: () => void
  }) => AsyncIterable<Stored | { caughtUp: true } | { checkpoint: bigint }>
  ping: (timeoutMs: number) => Promise<void>
}

interface FollowOptions {
  store: KeyLog
  signal: AbortSignal
  logger: Logger
  /** A key that the log has not confirmed for this time is refused. */
  staleAfterMs?: number
}

const PING_TIMEOUT_MS = 1_500
const RETRY_MS = 1_000

/** Follows the keys of the log from its beginning until the signal aborts. */
export function followKeys({
  store,
  signal,
  logger,
  staleAfterMs = 10_000,
}: FollowOptions): KeyRing {
  const keys = new Map<string, { key: KnownKey; ending: AbortController }>()
  let uses = new Map<string, number>()
  let isCurrent = false
  let confirmedAt = -Infinity
  const confirm = () => (confirmedAt = performance.now())
  const isConfirmed = () => performance.now() - confirmedAt <= staleAfterMs
  const apply = (stored: Stored) => {
    const event = decodeApiKeyEvent(stored)
    const known = keys.get(stored.stream)
    if (event?.type === 'ApiKeyCreated') {
      const key = { ...event.data, createdBy: decodeMetadata(stored).actor }
      keys.set(stored.stream, { key, ending: new AbortController() })
    } else if (event?.type === 'ApiKeyRevoked' && known !== undefined) {
      known.key = { ...known.key, revokedAt: event.data.revokedAt }
      known.ending.abort()
    }
  }
  const follow = async () => {
    const onLost = () => (isCurrent = false)
    const subscription = { streamPrefix: apiKeyStreamPrefix, signal, onLost }
    for await (const item of store.subscribeToAll(subscription))
      if ('type' in item) tryToApply(item)
      else if ('caughtUp' in item) {
        isCurrent = true
        confirm()
      }
  }
  const tryToApply = (stored: Stored) => {
    try {
      apply(stored)
    } catch (err) {
      // Who cannot be read cannot be used; the others can.
      logger.error({ err, stream: stored.stream }, 'an API key cannot be read')
    }
  }
  const followForEver = async () => {
    while (!signal.aborted) {
      await follow().catch((err: unknown) => logger.warn({ err }, 'API keys are read again'))
      isCurrent = false
      keys.clear()
      await pause(RETRY_MS, signal)
    }
  }
  const confirmAgainAndAgain = async () => {
    while (!signal.aborted) {
      const wasCurrent = isCurrent
      const answered = await store.ping(PING_TIMEOUT_MS).then(
        () => true,
        () => false,
      )
      if (answered && wasCurrent && isCurrent) confirm()
      if (!isConfirmed())
        for (const one of keys.values()) {
          one.ending.abort()
          if (one.key.revokedAt === undefined) one.ending = new AbortController()
        }
      await pause(Math.min(RETRY_MS, staleAfterMs / 4), signal)
    }
  }
  void followForEver()
  void confirmAgainAndAgain()
  const requireConfirmed = () => {
    if (!isConfirmed()) throw new AppError('KEYS_UNAVAILABLE', 'API keys cannot be checked now')
  }
  return {
    find: (text, now) => {
      const id = keyIdIn(text)
      if (id === undefined) return undefined
      requireConfirmed()
      const found = keys.get(apiKeyStreamPrefix + id)
      if (found === undefined || !isSameHash(found.key.hash, hashOf(text))) return undefined
      const { key, ending } = found
      const isOver = key.expiresAt !== undefined && Date.parse(key.expiresAt) <= now
      if (isOver || key.revokedAt !== undefined) return undefined
      uses.set(id, now)
      return { key, ended: ending.signal }
    },
    takeUses: () => {
      const taken = uses
      uses = new Map()
      return taken
    },
    list: () => {
      requireConfirmed()
      return [...keys.values()].map(({ key }) => key)
    },
    check: async () => requireConfirmed(),
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => undefined)
}
