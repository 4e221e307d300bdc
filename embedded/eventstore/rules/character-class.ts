/** Characters from the first code point to the last. */
type CharacterRange = [number, number]

const GREATEST = 0x10ffff
const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v' }

/** The characters a class such as `a-z_` or `^a` names. Throws SyntaxError for classes within it. */
export function charactersOf(source: string): CharacterRange[] {
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
export function classSource(characters: CharacterRange[], removed: CharacterRange[]): string {
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
