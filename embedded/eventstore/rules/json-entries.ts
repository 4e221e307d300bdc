/** One entry of a JSON object: its key, and its value as it was written. */
export interface JsonEntry {
  key: string
  source: string
}

const SPACE = /\s*/y
const STRING = /"(?:[^"\\]|\\.)*"/sy
const WORD = /[^\s,:[\]{}"]+/y
const BRACKET = /[[\]{},:]/y

/**
 * The entries of the object a text begins with, repeated keys included; throws SyntaxError where it begins with none.
 * JSON.parse would round large integers and keep one of two equal keys. What follows the object is not looked at.
 */
export function jsonEntries(text: string): JsonEntry[] {
  let at = 0
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at
    const [found = ''] = pattern.exec(text) ?? []
    at += found.length
    return found
  }
  const expect = (pattern: RegExp, wanted?: string): string => {
    take(SPACE)
    const found = take(pattern)
    if (found === '' || (wanted !== undefined && found !== wanted)) throw new SyntaxError(text)
    return found
  }
  const value = (): string => {
    take(SPACE)
    const start = at
    for (let depth = 0; ;) {
      const token = take(STRING) || take(WORD) || expect(BRACKET)
      if (/^[[{]$/.test(token)) depth++
      if (/^[\]}]$/.test(token)) depth--
      if (depth < 0) throw new SyntaxError(text)
      if (depth === 0) break
      take(SPACE)
    }
    const source = text.slice(start, at)
    JSON.parse(source)
    return source
  }
  const entries: JsonEntry[] = []
  expect(BRACKET, '{')
  for (;;) {
    take(SPACE)
    const name = take(STRING)
    if (name === '') break
    const key: unknown = JSON.parse(name)
    expect(BRACKET, ':')
    entries.push({ key: String(key), source: value() })
    take(SPACE)
    if (text[at] !== ',') break
    at++
  }
  expect(BRACKET, '}')
  return entries
}
