import type { FastifyInstance } from 'fastify'
import { AppError } from '#domain'

const thisMachine = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i
const authorityOf = (url: string): string | undefined => /^https?:\/\/([^/?#]*)/i.exec(url)?.[1]

/**
 * Without authentication a page of another site could act through a visitor's browser: by a name of its own
 * that points here (DNS rebinding), or by writing across sites. Such requests name that site.
 */
export function refuseForeignSites(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ url, headers }) => {
    // RFC 9112 §3.2.2: the address of an absolute form counts instead of Host.
    const host = authorityOf(url) ?? headers.host
    if (host !== undefined && !thisMachine.test(host))
      throw new AppError(
        'FORBIDDEN',
        'Without authentication only localhost, 127.0.0.1 and [::1] are served',
      )
    const { origin } = headers
    if (origin !== undefined && !thisMachine.test(authorityOf(origin) ?? ''))
      throw new AppError('FORBIDDEN', 'Without authentication no other site is served')
  })
}
