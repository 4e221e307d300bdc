import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform } from 'fastify-type-provider-zod'

/** `/openapi.json`: OpenAPI 3.1, made from the same schemas that check the requests. */
export function serveOpenApi(app: FastifyInstance, service: string): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: `Storewright ${service}`, version: '1' },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    },
    transform: jsonSchemaTransform,
  })
  app.get('/openapi.json', { config: { policy: 'public' }, schema: { hide: true } }, () =>
    app.swagger(),
  )
}
