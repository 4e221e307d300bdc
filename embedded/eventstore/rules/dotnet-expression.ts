import { RE2JS } from 're2js'

/** The expression is one in .NET, but none that this server runs in time proportional to the text. */
export class UnsupportedExpression extends Error {}

const UNICODE_CLASSES: Record<string, string> = {
  d: '\\p{Nd}',
  w: '\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}',
  s: '\\x09-\\x0d\\x85\\p{Z}',
}
/** Look-around, atomic groups, conditions, back references, and the options that change how a pattern is read. */
const UNSUPPORTED = /^\(\?(?:[=!>(]|<[=!]|<\w*-|[imsn-]*[nx])|^\\[1-9kG]/

/**
 * Compiles an expression of .NET for a linear-time engine: a filter that backtracks would stop the server for everybody.
 * Throws SyntaxError where it is no expression, UnsupportedExpression where it cannot be translated.
 */
function compileExpression(source: string): (text: string) => boolean {
  const exclusion = leadingExclusion(source)
  if (exclusion) {
    const [isExcluded, isChosen] = exclusion.map(compileExpression)
    return (text) => isExcluded?.(text) === false && isChosen?.(text) === true
  }
  const pattern = compile(source, translated(source))
  return (text) => pattern.test(text)
}

/**
 * `^(?!A)B` is two expressions, `^(?:A)` that must not match and `^B` that must: the one look-around that Python's
 * clients send with every read of `$all`.
 */
function leadingExclusion(source: string): [string, string] | undefined {
  if (!source.startsWith('^(?!')) return undefined
  let depth = 1
  let end: number | undefined
  for (let at = 4; at < source.length;) {
    const rest = source.slice(at)
    const [token] = rest.startsWith('[') ? classAt(rest) : tokenAt(rest)
    if (token.startsWith('(')) depth++
    if (token === ')') depth--
    at += token.length
    if (depth === 0) end ??= at
    // An alternative to the exclusion, not within it.
    if (depth === 0 && token === '|') return undefined
  }
  return end === undefined || depth !== 0
    ? undefined
    : [`^(?:${source.slice(4, end - 1)})`, `^${source.slice(end)}`]
}

function compile(source: string, translation: string) {
  try {
    return RE2JS.compile(translation)
  } catch (error) {
    if (isExpression(source)) throw new UnsupportedExpression(source, { cause: error })
    throw new SyntaxError(source, { cause: error })
  }
}

function isExpression(source: string): boolean {
  try {
    return new RegExp(source) instanceof RegExp
  } catch {
    return false
  }
}

function translated(source: string): string {
  let translation = ''
  for (let at = 0; at < source.length;) {
    const rest = source.slice(at)
    if (UNSUPPORTED.test(rest)) throw new UnsupportedExpression(source)
    const [token, meaning] = rest.startsWith('[') ? classAt(rest) : tokenAt(rest)
    translation += meaning
    at += token.length
  }
  return translation
}

/** The next token, and what it is to the other engine. */
function tokenAt(rest: string): [string, string] {
  // Before a last line feed, too.
  if (rest.startsWith('\\Z')) return ['\\Z', '(?:\\n?\\z)']
  if (rest.startsWith('$')) return ['$', '(?:\\n?\\z)']
  const named = /^\(\?(?:<(\w+)>|'(\w+)')/.exec(rest)
  if (named) return [named[0], '(']
  const [, letter = ''] = /^\\([dwsDWS])/.exec(rest) ?? []
  const characters = UNICODE_CLASSES[letter.toLowerCase()]
  if (characters === undefined) return both(rest.slice(0, rest.startsWith('\\') ? 2 : 1))
  return [`\\${letter}`, `[${letter === letter.toLowerCase() ? '' : '^'}${characters}]`]
}

const both = (token: string): [string, string] => [token, token]

function classAt(rest: string): [string, string] {
  const subtraction = /^\[((?:\\.|[^\\[\]])+)-\[((?:\\.|[^\\[\]])+)\]\]/s.exec(rest)
  if (subtraction) {
    const [token, minuend = '', subtrahend = ''] = subtraction
    return [token, classSource(charactersOf(minuend), charactersOf(subtrahend))]
  }
  const [token] = /^\[\^?\]?(?:\\.|[^\\\]])*\]/s.exec(rest) ?? ['[']
  const meaning = token.replace(/\\([dws])/g, (_, letter: string) => UNICODE_CLASSES[letter] ?? '')
  return [token, meaning.replace(/(?<=.)\[/gs, '\\[')]
}

/** Chooses events of `$all` by a list of prefixes or by a regular expression, which counts where both are given. */
export interface EventFilter {
  on: 'stream' | 'type'
  regex: string
  prefixes: string[]
}

export type EventMatcher = (event: { stream: string; type: string }) => boolean

/** Compiles a filter once for a whole read; throws a ServiceError for an expression that cannot be compiled. */
export function compileFilter({ on, prefixes, regex }: EventFilter): EventMatcher {
  const matches =
    regex === ''
      ? (text: string) => prefixes.some((prefix) => text.startsWith(prefix))
      : compileExpression(regex)
  return on === 'stream' ? (event) => matches(event.stream) : (event) => matches(event.type)
}

/** Characters from the first code point to the last. */
type CharacterRange = [number, number]

const GREATEST = 0x10ffff
const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v' }

/** The characters a class such as `a-z_` or `^a` names. Throws SyntaxError for classes within it. */
function charactersOf(source: string): CharacterRange[] {
  const negated = source.startsWith('^')
  const ranges: CharacterRange[] = []
  const characters = [...source.slice(negated ? 1 : 0).matchAll(/\\(.)|([^\\])/gsu)].map(codeOf)
  for (let at = 0; at < characters.length; at++) {
    const first = characters[at] ?? 0
    const last = characters[at + 1] === -1 ? characters[at + 2] : undefined
    if (last !== undefined) at += 2
    ranges.push([dashed(first), dashed(last ?? first)])
  }
  return negated ? without([[0, GREATEST]], ranges) : ranges
}

/** A class of the characters of the one, but not of the other. */
function classSource(characters: CharacterRange[], removed: CharacterRange[]): string {
  const left = without(characters, removed)
  const hex = (code: number) => `\\x{${code.toString(16)}}`
  if (left.length === 0) return `[^\\x{0}-\\x{${GREATEST.toString(16)}}]`
  return `[${left.map(([first, last]) => `${hex(first)}-${hex(last)}`).join('')}]`
}

/** -1 stands for a dash that may be a range's. */
function codeOf([, escaped, plain = '']: RegExpMatchArray): number {
  if (escaped === undefined) return plain === '-' ? -1 : (plain.codePointAt(0) ?? 0)
  const character = ESCAPES[escaped] ?? escaped
  if (/\w/.test(escaped) && ESCAPES[escaped] === undefined) throw new SyntaxError(escaped)
  return character.codePointAt(0) ?? 0
}

function dashed(code: number): number {
  return code === -1 ? 0x2d : code
}

function without(ranges: CharacterRange[], removed: CharacterRange[]): CharacterRange[] {
  return removed.reduce<CharacterRange[]>(
    (left, [from, to]) =>
      left.flatMap(([first, last]): CharacterRange[] => {
        if (to < first || from > last) return [[first, last]]
        const parts: CharacterRange[] = [
          [first, from - 1],
          [to + 1, last],
        ]
        return parts.filter(([start, end]) => start <= end)
      }),
    ranges,
  )
}
