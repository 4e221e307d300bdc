import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform } from 'fastify-type-provider-zod'
import { problemResponse } from './problems/problem.ts'

/** `/openapi.json`: OpenAPI 3.1, made from the same schemas that check the requests. */
export function serveOpenApi(app: FastifyInstance, service: string): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: `Storewright ${service}`, version: '1' },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    },
    transform: (document) => {
      const { schema, url } = jsonSchemaTransform(document)
      const policy = document.route.config?.policy
      const security = policy === 'public' ? [] : [{ bearer: [] }]
      // Any request may be answered with a problem: `default` says so once.
      const response = { ...responsesOf(schema), default: problemResponse }
      return { url, schema: { ...schema, security, response } }
    },
  })
  app.get('/openapi.json', { config: { policy: 'public' }, schema: { hide: true } }, () =>
    app.swagger(),
  )
}

function responsesOf(schema: { response?: unknown } | undefined): object {
  const response = schema?.response
  return typeof response === 'object' && response !== null ? response : {}
}
