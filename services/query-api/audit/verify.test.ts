import { generateKeyPairSync, hash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { RecordedEvent } from '#eventstore'
import { historyOf, recordedLog } from '#test/projector/recorded-log'
import { tempFolder } from '#test/temp-folder'
import { openExport, signingKey } from './export.ts'
import { runVerify } from './verify.ts'

const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
const spki = publicKey.export({ format: 'pem', type: 'spki' }).toString()
const key = signingKey.parse(pem)
const range = { tenantId: 'acme', from: undefined, to: '2027-01-01T00:00:00.000Z' }

const choices = [0, 1, 3, 1, 2].map((choice) => ({ store: 0, choice }))
const events = recordedLog(historyOf(choices)).map((event) => ({
  ...event,
  metadata: { tenantId: 'acme', actor: 'user:ann', correlationId: 'c-1' },
}))

async function exported(log: RecordedEvent[] = events): Promise<string> {
  const store = { readAll: () => ReadableStream.from(log) }
  const { signal } = new AbortController()
  let text = ''
  for await (const piece of await openExport({ store, range, key, signal, after: undefined }))
    text += piece
  return text
}

const folder = await tempFolder()
afterAll(() => folder[Symbol.asyncDispose]())
let said = ''
beforeEach(() => {
  said = ''
  const listen = (chunk: unknown) => {
    said += String(chunk)
    return true
  }
  vi.spyOn(process.stdout, 'write').mockImplementation(listen)
  vi.spyOn(process.stderr, 'write').mockImplementation(listen)
})
afterEach(() => vi.restoreAllMocks())

async function check(text: string | Buffer, options: string[] = []) {
  const file = join(folder.path, 'audit.ndjson')
  await writeFile(file, text)
  const code = await runVerify([file, ...options])
  return { code, said }
}

async function keyFile(text: string): Promise<string[]> {
  const file = join(folder.path, 'key.pem')
  await writeFile(file, text)
  return ['--key', file]
}

const whole = await exported()
const lines = whole.trimEnd().split('\n')
const edited = (edit: (lines: string[]) => string[]) => `${edit([...lines]).join('\n')}\n`

test('what was exported is intact, and says how much it is and who signed it', async () => {
  const given = await check(whole, await keyFile(spki))
  const answered = JSON.stringify({ key: { algorithm: 'Ed25519', publicKey: spki } })
  const asAnswered = await check(whole, await keyFile(answered))
  const unnamed = await check(whole)

  expect(lines).toHaveLength(6)
  expect(given).toMatchObject({
    code: 0,
    said: expect.stringContaining('intact: 5 events of tenant acme'),
  })
  expect(given.said).toContain(`key: ${key.keyId}\n`)
  expect(asAnswered.code).toBe(0)
  expect(unnamed).toMatchObject({
    code: 0,
    said: expect.stringContaining('named by the file itself'),
  })
})

test.for<[string, (lines: string[]) => string[], string]>([
  ['a changed event', (all) => all.with(2, changed(all[2])), 'line 3 was changed'],
  [
    'a changed digest',
    (all) => all.with(1, (all[1] ?? '').replace(/"digest":"./, '"digest":"x')),
    'line 2 was changed',
  ],
  ['a removed line', (all) => all.toSpliced(2, 1), 'line 3 was removed'],
  ['a removed first line', (all) => all.toSpliced(0, 1), 'line 1 was removed'],
  ['a removed last event', (all) => all.toSpliced(4, 1), 'line 5 was removed'],
  ['an inserted line', (all) => all.toSpliced(2, 0, changed(all[2])), 'line 3 was inserted'],
  [
    'a doubled line',
    (all) => all.toSpliced(3, 0, all[2] ?? ''),
    'line 4 was inserted: it repeats line 3',
  ],
  [
    'lines in another order',
    (all) => all.with(1, all[2] ?? '').with(2, all[1] ?? ''),
    'line 2 was reordered',
  ],
  ['a cut end', (all) => all.slice(0, 4), 'the end was cut off behind line 4'],
  [
    'an end without events',
    (all) => all.slice(5),
    'line 1 was removed: 5 were signed, 0 are there',
  ],
  ['a line after the end', (all) => [...all, all[0] ?? ''], 'line 7 was inserted'],
  ['an empty line', (all) => all.toSpliced(1, 0, ''), 'line 2 was inserted: it is empty'],
  [
    'a byte order mark',
    (all) => all.with(0, `\ufeff${all[0]}`),
    'line 1 was changed: it begins with a byte order mark',
  ],
  ['CR LF', (all) => all.map((line) => `${line}\r`), 'line 1 was changed: it ends with CR LF'],
  [
    'a space',
    (all) => all.with(3, (all[3] ?? '').replace(':', ': ')),
    'line 4 was changed: it is not in the canonical form',
  ],
  [
    'a key that stands twice',
    (all) => all.with(0, (all[0] ?? '').replace('{', '{"digest":"0",')),
    'line 1 was changed',
  ],
  ['a line that is no JSON', (all) => all.with(4, 'x'), 'line 5 was changed: it is not JSON'],
  [
    'JSON that is no line',
    (all) => all.with(4, '{"a":1}'),
    'line 5 was changed: it is no line of an export',
  ],
  [
    'a changed range',
    (all) => all.with(5, (all[5] ?? '').replace('2027', '2028')),
    'line 6 was changed: its signature',
  ],
  [
    'a chain computed again',
    (all) => chainAgain(all.with(2, changed(all[2]))),
    'line 6 was signed for other lines',
  ],
])('%s is found, and the first line of it named', async ([, edit, told]) => {
  const { code, said: text } = await check(edited(edit), await keyFile(spki))

  expect(text).toContain(`NOT INTACT: ${told}`)
  expect(code).toBe(1)
})

test('a huge line is checked like any other, and one without an end is not kept', async () => {
  const [first, ...others] = events
  if (first === undefined) throw new Error('There is no event')
  const huge = { ...first, data: { ...Object(first.data), note: 'ä'.repeat(5_000_000) } }
  const text = await exported([huge, ...others])

  expect((await check(text)).code).toBe(0)
  expect(await check(text.replace('ääää', 'äääx'))).toMatchObject({
    code: 1,
    said: expect.stringContaining('line 1 was changed'),
  })
  expect((await check(Buffer.alloc(65 * 1024 * 1024, 'x'))).said).toContain(
    'line 1 was changed: it is longer',
  )
})

test('an empty file, and one cut within a line, are not intact', async () => {
  expect(await check('')).toMatchObject({
    code: 1,
    said: expect.stringContaining('the file is empty'),
  })
  const cut = await check(whole.slice(0, -20))
  expect(cut).toMatchObject({ code: 1, said: expect.stringContaining('line 6 is not whole') })
  const latin = Buffer.from(whole.replace('"user:ann"', '"user:\u00e4nn"'), 'latin1')
  expect((await check(latin)).said).toContain('line 1 was changed: it is not UTF-8')
})

test('a file that somebody else signed is refused where the key is given', async () => {
  const other = generateKeyPairSync('ed25519')
  const theirs = other.publicKey.export({ format: 'pem', type: 'spki' }).toString()

  const { code, said: text } = await check(whole, await keyFile(theirs))

  expect(code).toBe(1)
  expect(text).toContain(`line 6 is signed for another key (${key.keyId})`)
})

test('what cannot be checked is no verdict: no file, no key, no argument', async () => {
  const missing = join(folder.path, 'missing')
  expect(await runVerify([missing])).toBe(2)
  expect((await check(whole, ['--key', missing])).code).toBe(2)
  expect((await check(whole, await keyFile('no key'))).code).toBe(2)
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
  const otherKind = rsa.export({ format: 'pem', type: 'spki' }).toString()
  expect((await check(whole, await keyFile(otherKind))).code).toBe(2)
  expect(await runVerify([])).toBe(2)
  expect(await runVerify(['--help'])).toBe(0)
})

const changed = (line = '') => line.replace('"user:ann"', '"user:eve"')

/** As somebody would who knows how the chain is made, and has not the key. */
function chainAgain(all: string[]): string[] {
  let digest = '0'.repeat(64)
  return all.map((line) => {
    const event = /"event":(.*),"line"/.exec(line)?.[1]
    if (event === undefined) return line
    digest = hash('sha256', digest + event)
    return line.replace(/"digest":"\w+"/, `"digest":"${digest}"`)
  })
}
