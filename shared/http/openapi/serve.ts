import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { FastifyInstance } from 'fastify'
import { openApiDocument } from './document.ts'

const config = { policy: 'public' } as const
const schema = { hide: true }
const renderer = createRequire(import.meta.url).resolve('swagger-ui-dist/package.json')

// Nothing is fetched from elsewhere, and no script runs but the renderer's own files.
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  // The renderer writes style attributes.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join(';')

const pageAt = (base: string) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Storewright API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}/docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="${base}/docs/swagger-ui-bundle.js"></script>
<script src="${base}/docs/start.js"></script>
</body>
</html>
`
const startAt = (base: string) => `SwaggerUIBundle({
  url: '${base}/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: false,
  defaultModelsExpandDepth: 0,
})
`

/** `/openapi.json`: the whole API, at every service; `/docs`: a page that shows it without asking another host. */
export function serveOpenApi(app: FastifyInstance): void {
  // A proxy may take a path away; the origin is that of the page.
  const base = new URL(app.linkTo('/'), 'http://localhost').pathname.replace(/\/$/, '')
  let document: string | undefined
  app.get('/openapi.json', { config, schema }, (_request, reply) => {
    document ??= JSON.stringify(openApiDocument(base === '' ? '/' : base))
    return reply.type('application/json; charset=utf-8').send(document)
  })
  serveText(app, '/docs', 'text/html', async () => pageAt(base))
  serveText(app, '/docs/start.js', 'text/javascript', async () => startAt(base))
  serveText(app, '/docs/swagger-ui.css', 'text/css', () => fileOf('swagger-ui.css'))
  serveText(app, '/docs/swagger-ui-bundle.js', 'text/javascript', () =>
    fileOf('swagger-ui-bundle.js'),
  )
}

function serveText(
  app: FastifyInstance,
  url: string,
  type: string,
  read: () => Promise<string>,
): void {
  app.get(url, { config, schema }, async (_request, reply) => {
    reply.header('content-security-policy', pagePolicy)
    return reply.type(`${type}; charset=utf-8`).send(await read())
  })
}

const files = new Map<string, Promise<string>>()

/** A file of the renderer, read once. */
function fileOf(name: string): Promise<string> {
  const read = files.get(name) ?? readFile(new URL(name, `file://${renderer}`), 'utf8')
  files.set(name, read)
  return read
}
