import type { FastifyInstance } from 'fastify'
import { answerProblem } from './problem.ts'

const ours = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i

/**
 * Without authentication a page of some other site could reach us by a name of its own that points
 * here (DNS rebinding); its requests name that site.
 */
export function refuseForeignHosts(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    if (ours.test(request.headers.host ?? '')) return undefined
    return answerProblem(request, reply, {
      code: 'FORBIDDEN',
      status: 403,
      title: 'Without authentication only localhost, 127.0.0.1 and [::1] are served',
      retryable: false,
    })
  })
}
