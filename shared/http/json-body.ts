import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from '#domain'

const jsonTypes = ['application/json', 'application/merge-patch+json']

/** Takes JSON bodies only, and merge patches where something is patched. An empty one is no body, so that clients that always send the header get through. */
export function parseJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(jsonTypes, { parseAs: 'string' }, (request, body, done) => {
    if (isMergePatch(request) && request.method !== 'PATCH')
      return done(new AppError('MEDIA_TYPE_UNSUPPORTED', 'Send the body as application/json'))
    if (body === '') return done(null, undefined)
    // The parser takes a byte order mark, and the look for mistakes would not.
    const text = body.toString().replace(/^\uFEFF/, '')
    const mistake = keyMistakeIn(text)
    if (mistake === undefined) void parse(request, text, done)
    else done(new AppError('REQUEST_INVALID', mistake))
  })
  app.addHook('preParsing', async ({ headers }, reply) => {
    const coding = headers['content-encoding'] ?? 'identity'
    if (coding.toLowerCase() === 'identity') return
    reply.header('accept-encoding', 'identity')
    throw new AppError('MEDIA_TYPE_UNSUPPORTED', 'Send the body without a content coding')
  })
}

const isMergePatch = ({ headers }: FastifyRequest): boolean =>
  headers['content-type']?.toLowerCase().startsWith('application/merge-patch+json') === true

const token = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g
const KEY_CHARACTERS_MAX = 60

/** What is wrong with a key of a JSON text, which a parser takes in silence; undefined for a text that is no JSON. */
function keyMistakeIn(text: string): string | undefined {
  if (!isJson(text)) return undefined
  const objects: Set<string>[] = []
  let last = ''
  for (const [found] of text.matchAll(token)) {
    if (found === '{' || found === '[') objects.push(new Set())
    else if (found === '}' || found === ']') objects.pop()
    else if (found === ':') {
      const key: unknown = JSON.parse(last)
      const named = JSON.stringify(String(key).slice(0, KEY_CHARACTERS_MAX))
      if (key === '__proto__' || key === 'prototype') return `The body must not have a key ${named}`
      if (objects.at(-1)?.has(String(key)) === true) return `The body has the key ${named} twice`
      objects.at(-1)?.add(String(key))
    }
    last = found
  }
  return undefined
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
