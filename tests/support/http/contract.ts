import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { z } from 'zod'
import { openApiDocument, problemMediaType } from '#http'

interface Exchange {
  method: string
  /** Path and query, or a whole address. */
  url: string
  status: number
  headers: Headers
  text: string
}

type Schema = Record<string, unknown>

const answer = z.object({
  headers: z.record(z.string(), z.unknown()).default({}),
  content: z.record(z.string(), z.object({ schema: z.looseObject({}) })).default({}),
})
const operation = z.object({ operationId: z.string(), responses: z.record(z.string(), answer) })
const documentShape = z.object({
  paths: z.record(z.string(), z.record(z.string(), operation)),
  components: z.object({ schemas: z.record(z.string(), z.looseObject({})) }),
})

const api = documentShape.parse(openApiDocument())
const toldHeaders = [
  'content-disposition',
  'etag',
  'idempotency-replayed',
  'link',
  'location',
  'ratelimit',
  'ratelimit-policy',
  'retry-after',
  'www-authenticate',
  'x-correlation-id',
  'x-position',
  'x-read-lag',
]
const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats.default(ajv)
for (const [name, schema] of Object.entries(api.components.schemas))
  ajv.addSchema(
    { ...(name === 'Problem' ? schema : closed(schema)) },
    `#/components/schemas/${name}`,
  )

const routes = Object.entries(api.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operationTold]) => ({
    method: method.toUpperCase(),
    matches: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
    isExact: !path.includes('{'),
    told: operationTold,
  })),
)

/** Throws when the OpenAPI document does not tell of this answer, or tells otherwise; other addresses are not its matter. */
export function holdAgainstContract({ method, url, status, headers, text }: Exchange): void {
  const { pathname } = new URL(url, 'http://localhost')
  const path = pathname.replace(/^\/api\/(?!v1\/)/, '/api/v1/').replace(/(.)\/$/, '$1')
  const asked = method === 'HEAD' ? 'GET' : method
  const route = routes
    .filter((one) => one.method === asked && one.matches.test(path))
    .toSorted((one, other) => Number(other.isExact) - Number(one.isExact))[0]
  if (route === undefined) return
  const { operationId, responses } = route.told
  const fail = (what: string) => {
    throw new Error(`${operationId} answered ${status}: ${what}\n${text.slice(0, 2_000)}`)
  }
  const expected = responses[String(status)]
  if (expected === undefined) return fail('the document does not tell of this status')
  const declared = Object.keys(expected.headers).map((name) => name.toLowerCase())
  for (const name of toldHeaders)
    if (headers.has(name) && !declared.includes(name)) fail(`the header ${name} is not declared`)
  const [type = ''] = (headers.get('content-type') ?? '').split(';')
  const types = Object.keys(expected.content)
  if (types.length === 0) return text === '' ? undefined : fail('it has a body')
  if (!types.includes(type)) fail(`${type} is not one of ${types.join(', ')}`)
  if (method === 'HEAD' || /event-stream|ndjson/.test(type)) return undefined
  const check = validatorOf(expected.content[type]?.schema ?? {}, type)
  if (!check(JSON.parse(text))) fail(ajv.errorsText(check.errors))
  return undefined
}

const validators = new Map<Schema, ReturnType<typeof ajv.compile>>()

function validatorOf(schema: Schema, type: string) {
  const strict =
    type === problemMediaType ? { ...schema, unevaluatedProperties: false } : closed(schema)
  const known = validators.get(schema) ?? ajv.compile(strict)
  validators.set(schema, known)
  return known
}

/** An answer may get more fields, but then the document tells of them: here each object has only what it tells. */
function closed(schema: Schema): Schema {
  const inner = Object.entries(schema).map(([name, value]) => [name, closedValue(value)])
  const copy: Schema = Object.fromEntries(inner)
  return 'properties' in schema ? { additionalProperties: false, ...copy } : copy
}

function closedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closedValue)
  return typeof value === 'object' && value !== null ? closed({ ...value }) : value
}
