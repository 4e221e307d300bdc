import { createPrivateKey, createPublicKey, hash, type KeyObject, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { AppError } from '#domain'
import { auditedEvent, canonicalJson, type EventStore, type RecordedEvent } from '#eventstore'

/** What the last line of an export is signed with. */
export interface AuditKey {
  /** SHA-256 of the public key (DER), in hex. */
  keyId: string
  /** SPKI as PEM. */
  publicKey: string
  sign: (text: string) => string
}

const unusable =
  'must be an Ed25519 private key as PKCS#8 PEM, or the name of a file that holds one: openssl genpkey -algorithm ed25519'

/** AUDIT_SIGNING_KEY: the PEM itself, also with \n for its line ends, or the name of a file with it. */
export const signingKey = z.string().transform((given, context) => {
  try {
    return auditKeyOf(given.includes('-----BEGIN') ? given : readFileSync(given.trim(), 'utf8'))
  } catch {
    // What was given may be the key.
    context.addIssue({ code: 'custom', message: unusable, input: undefined })
    return z.NEVER
  }
})

function auditKeyOf(pem: string): AuditKey {
  const key: KeyObject = createPrivateKey(pem.replaceAll(String.raw`\n`, '\n'))
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(unusable)
  const publicKey = createPublicKey(key)
  return {
    keyId: hash('sha256', publicKey.export({ format: 'der', type: 'spki' })),
    publicKey: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    sign: (text) => sign(null, Buffer.from(text), key).toString('base64url'),
  }
}

interface Range {
  tenantId: string
  /** ISO 8601; the log's beginning unless given. */
  from: string | undefined
  /** ISO 8601; not included. */
  to: string | undefined
}

interface ExportOptions {
  store: Pick<EventStore, 'readAll'>
  range: Range
  key: AuditKey
  signal: AbortSignal
}

/** The digest before the first line. */
const beginning = '0'.repeat(64)

/** How far an export has come: the number and the digest of its last line. */
interface Chain {
  line: number
  digest: string
}

interface Line extends Chain {
  text: string
}

/** The lines of a range without the last one, which is signed. It comes from the log alone, so it is the same each time. */
async function* linesOf({ store, range, signal }: ExportOptions): AsyncGenerator<Line> {
  let line = 0
  let digest = beginning
  for await (const recorded of eventsOf(store, range, signal)) {
    const event = cloudEventOf(recorded, range.tenantId)
    if (event === undefined) continue
    const text = canonicalJson(event)
    line++
    digest = hash('sha256', digest + text)
    yield { line, digest, text: `{"digest":"${digest}","event":${text},"line":${line}}\n` }
  }
}

/**
 * What the log holds of a range: from the first event of that time on, up to before the first one of the other. The
 * order is that of the log, so ranges that follow each other share no event and miss none, whatever the clocks say.
 */
async function* eventsOf(
  store: Pick<EventStore, 'readAll'>,
  { from, to }: Range,
  signal: AbortSignal,
) {
  let hasBegun = from === undefined
  const start = Date.parse(from ?? '')
  const end = Date.parse(to ?? '')
  for await (const recorded of store.readAll({ signal })) {
    const time = Date.parse(recorded.recordedAt)
    if (time >= end) return
    hasBegun ||= time >= start
    if (hasBegun) yield recorded
  }
}

/** The event as CloudEvents 1.0 has it; undefined for one of another tenant. Workers have no names in it: they tell machines. */
function cloudEventOf(recorded: RecordedEvent, tenantId: string): object | undefined {
  const audited = auditedEvent(recorded)
  if (audited?.tenantId !== tenantId) return undefined
  const { actor, asOperator, address, reason, correlationId, causationId, data } = audited
  return {
    specversion: '1.0',
    id: recorded.id,
    source: `urn:storewright:tenant:${tenantId}`,
    type: recorded.type,
    subject: recorded.stream,
    sequence: String(recorded.revision),
    time: recorded.recordedAt,
    datacontenttype: 'application/json',
    actor: actor.kind === 'worker' ? actor.kind : `${actor.kind}:${actor.id}`,
    actorname: actor.name,
    asoperator: asOperator,
    address,
    reason,
    correlationid: correlationId,
    causationid: causationId,
    data,
  }
}

const CHUNK = 64 * 1024

/**
 * An export as pieces of text. With `after` it continues behind that line; the lines before it are derived again, so that
 * nothing is signed that the log does not say. Throws REQUEST_INVALID, before anything is yielded, when the digest is another.
 */
export async function openExport(
  options: ExportOptions & { after: Chain | undefined },
): Promise<AsyncGenerator<string>> {
  const { after } = options
  const lines = linesOf(options)
  if (after === undefined) return pieces(lines, options, { line: 0, digest: beginning })
  for (;;) {
    const { value, done } = await lines.next()
    if (done === true) throw anotherChain(`the range has fewer lines than ${after.line}`)
    if (value.line < after.line) continue
    if (value.digest === after.digest) return pieces(lines, options, after)
    await lines.return(undefined)
    throw anotherChain(`line ${after.line} of this range has another digest`)
  }
}

const anotherChain = (why: string) =>
  new AppError('REQUEST_INVALID', `This is not where an export was left: ${why}`)

async function* pieces(
  lines: AsyncGenerator<Line>,
  { range, key }: ExportOptions,
  begun: Chain,
): AsyncGenerator<string> {
  let last = begun
  let piece = ''
  for await (const line of lines) {
    last = line
    piece += line.text
    if (piece.length < CHUNK) continue
    yield piece
    piece = ''
  }
  yield piece + headLine(last, range, key)
}

function headLine({ line: count, digest }: Chain, { tenantId, from, to }: Range, key: AuditKey) {
  const { keyId, publicKey } = key
  const range = { from: from ?? null, to: to ?? null }
  const head = canonicalJson({ tenant: tenantId, ...range, count, digest, keyId, publicKey })
  return `{"head":${head},"signature":"${key.sign(head)}"}\n`
}
