import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import canonicalize from 'canonicalize'
import { Command, CommanderError } from 'commander'
import { z } from 'zod'

// An auditor must not have to trust the program that wrote the file: but for the canonical form (RFC 8785) nothing
// here is shared with it, and nothing is asked of a network.

const digest = z.string().regex(/^[0-9a-f]{64}$/)
const entry = z.strictObject({
  digest,
  event: z.record(z.string(), z.unknown()),
  line: z.int().min(1),
})
const signed = z.strictObject({
  head: z.strictObject({
    tenant: z.string(),
    from: z.string().nullable(),
    to: z.string(),
    count: z.int().nonnegative(),
    digest,
    keyId: z.string(),
    publicKey: z.string(),
  }),
  signature: z.string(),
})
type Entry = z.output<typeof entry>
type Signed = z.output<typeof signed>

/** The file is not what was exported; the message says where that shows first. */
class NotIntact extends Error {}

/** The command `audit:verify`. Resolves to its exit code: 0 intact, 1 not intact, 2 it could not be checked. */
export async function runVerify(args: string[]): Promise<number> {
  const command = new Command('audit:verify')
    .description(
      'Checks an export of the audit trail. Ends with 1 when it is not as it was exported.',
    )
    .argument('<file>', 'the export')
    .option(
      '--key <file>',
      'the public key it has to be signed for, as PEM or as /api/v1/audit/key gives it',
    )
    .exitOverride()
  try {
    command.parse(args, { from: 'user' })
    const { key } = command.opts<{ key?: string }>()
    const [file = ''] = command.args
    for (const line of await verifyFile(file, key)) process.stdout.write(`${line}\n`)
    return 0
  } catch (error) {
    if (error instanceof NotIntact) {
      process.stdout.write(`NOT INTACT: ${error.message}\n`)
      return 1
    }
    // It has said so itself.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 2
  }
}

async function verifyFile(file: string, keyFile: string | undefined): Promise<string[]> {
  const wanted = keyFile === undefined ? undefined : await readKey(keyFile)
  const chain = { count: 0, digest: '0'.repeat(64) }
  const lines = linesOf(file)
  for await (const { number, text } of lines) {
    const parsed = parseLine(number, text)
    if ('head' in parsed) {
      for await (const { number: after } of lines)
        throw new NotIntact(`line ${after} was inserted: it comes after the signed last line`)
      return verifyHead(number, parsed, { ...chain, wanted })
    }
    const next = hash('sha256', chain.digest + canonicalize(parsed.event))
    if (parsed.line !== chain.count + 1 || parsed.digest !== next)
      throw new NotIntact(await explain({ number, parsed, ...chain }, lines))
    chain.count++
    chain.digest = next
  }
  if (chain.count === 0)
    throw new NotIntact('the file is empty: an export has at least its signed last line')
  throw new NotIntact(
    `the end was cut off behind line ${chain.count}: the signed last line is missing`,
  )
}

interface Verified {
  count: number
  digest: string
  wanted: KeyObject | undefined
}

function verifyHead(number: number, { head, signature }: Signed, chain: Verified): string[] {
  const { count, digest: last, wanted } = chain
  const own = keyOf(head.publicKey)
  if (own === undefined)
    throw new NotIntact(`line ${number} was changed: its publicKey is no Ed25519 key`)
  if (wanted !== undefined && !wanted.equals(own))
    throw new NotIntact(
      `line ${number} is signed for another key (${idOf(own)}) than the one given`,
    )
  const key = wanted ?? own
  const bytes = Buffer.from(canonicalize(head) ?? '')
  if (!verify(null, bytes, key, Buffer.from(signature, 'base64url')))
    throw new NotIntact(`line ${number} was changed: its signature does not fit`)
  if (head.count > count)
    throw new NotIntact(
      `line ${count + 1} was removed: ${head.count} were signed, ${count} are there`,
    )
  if (head.count < count)
    throw new NotIntact(
      `line ${head.count + 1} was inserted: ${head.count} were signed, ${count} are there`,
    )
  if (head.digest !== last)
    throw new NotIntact(
      `line ${number} was signed for other lines: some were changed and their digests computed again, the first cannot be told`,
    )
  const trust =
    wanted === undefined
      ? ' (named by the file itself: compare it with /api/v1/audit/key, or give --key)'
      : ''
  return [
    `intact: ${count} ${count === 1 ? 'event' : 'events'} of tenant ${head.tenant}`,
    `range: ${head.from ?? 'the beginning'} to ${head.to}`,
    `head: ${head.digest}`,
    `key: ${idOf(key)}${trust}`,
  ]
}

interface Fault {
  number: number
  parsed: Entry
  count: number
  digest: string
}

/** What was done to a line that does not continue the chain. */
async function explain(fault: Fault, rest: AsyncIterable<NumberedLine>): Promise<string> {
  const { number, parsed, count, digest: before } = fault
  const expected = count + 1
  if (parsed.line < expected)
    return `line ${number} was inserted: it repeats line ${parsed.line} of the export`
  if (parsed.line > expected) {
    const isThere = await some(rest, (other) => other.line === expected)
    return isThere
      ? `line ${number} was reordered: it is line ${parsed.line} of the export, and line ${expected} comes later`
      : `line ${expected} was removed: line ${parsed.line} of the export takes its place`
  }
  const original = (other: Entry) =>
    other.line === expected && other.digest === hash('sha256', before + canonicalize(other.event))
  if (await some(rest, original))
    return `line ${number} was inserted: the true line ${expected} comes after it`
  return `line ${number} was changed: its digest does not fit what it says`
}

async function some(lines: AsyncIterable<NumberedLine>, test: (entry: Entry) => boolean) {
  try {
    for await (const { number, text } of lines) {
      const parsed = parseLine(number, text)
      if ('line' in parsed && test(parsed)) return true
    }
  } catch (error) {
    if (!(error instanceof NotIntact)) throw error
  }
  return false
}

function parseLine(number: number, text: string): Entry | Signed {
  const changed = (why: string) => new NotIntact(`line ${number} was changed: ${why}`)
  if (text.startsWith('\ufeff'))
    throw changed('it begins with a byte order mark, which another program has added')
  if (text.endsWith('\r')) throw changed('it ends with CR LF, which another program has made of LF')
  if (text === '') throw new NotIntact(`line ${number} was inserted: it is empty`)
  let value: unknown
  try {
    value = JSON.parse(text)
    // Equal after parsing is not enough: a key that stands twice is read once.
    if (canonicalize(value) !== text) throw changed('it is not in the canonical form of RFC 8785')
  } catch (error) {
    throw error instanceof NotIntact ? error : changed('it is not JSON')
  }
  const parsed = z.union([entry, signed]).safeParse(value)
  if (!parsed.success) throw changed('it is no line of an export')
  return parsed.data
}

interface NumberedLine {
  number: number
  text: string
}

const LINE_MAX = 64 * 1024 * 1024
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The lines of a file, one at a time, so that its size does not matter. */
async function* linesOf(file: string): AsyncGenerator<NumberedLine> {
  let number = 0
  let pending: Buffer[] = []
  let held = 0
  const take = (): NumberedLine => {
    number++
    const line = Buffer.concat(pending)
    pending = []
    held = 0
    try {
      return { number, text: decoder.decode(line) }
    } catch {
      throw new NotIntact(`line ${number} was changed: it is not UTF-8`)
    }
  }
  for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 })) {
    let from = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      pending.push(chunk.subarray(from, end))
      from = end + 1
      yield take()
    }
    held += chunk.length - from
    if (held > LINE_MAX)
      throw new NotIntact(`line ${number + 1} was changed: it is longer than 64 MiB`)
    pending.push(chunk.subarray(from))
  }
  if (held > 0) throw new NotIntact(`the end was cut off: line ${number + 1} is not whole`)
}

async function readKey(file: string): Promise<KeyObject> {
  const key = keyOf(await readFile(file, 'utf8'))
  if (key === undefined) throw new Error(`${file} holds no public Ed25519 key`)
  return key
}

const answer = z.object({ key: z.object({ publicKey: z.string() }) })

/** The key in a PEM, or in what /api/v1/audit/key answers. */
function keyOf(text: string): KeyObject | undefined {
  try {
    const isPem = text.includes('-----BEGIN') && !text.startsWith('{')
    const key = createPublicKey(isPem ? text : answer.parse(JSON.parse(text)).key.publicKey)
    return key.asymmetricKeyType === 'ed25519' ? key : undefined
  } catch {
    return undefined
  }
}

const idOf = (key: KeyObject) => hash('sha256', key.export({ format: 'der', type: 'spki' }))

if (import.meta.main) process.exitCode = await runVerify(process.argv.slice(2))
