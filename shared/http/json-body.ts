import type { FastifyInstance } from 'fastify'
import { AppError } from '#domain'

/** Takes JSON bodies only. An empty one is no body, so that clients that always send the header get through. */
export function parseJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else void parse(request, body.toString(), done)
  })
  app.addHook('preParsing', async ({ headers }, reply) => {
    const coding = headers['content-encoding'] ?? 'identity'
    if (coding.toLowerCase() === 'identity') return
    reply.header('accept-encoding', 'identity')
    throw new AppError('MEDIA_TYPE_UNSUPPORTED', 'Send the body without a content coding')
  })
}
