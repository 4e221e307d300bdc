import { expect, test } from 'vitest'
import { createLogger } from '#observability'
import { buildServer } from './build-server.ts'

async function send(payload: string) {
  const logger = createLogger({ service: 'test', level: 'silent' })
  await using app = buildServer({ service: 'test', logger, auth: { mode: 'off' } })
  app.post('/echo', { config: { policy: 'write' } }, ({ body }) => ({ body }))
  const headers = { 'content-type': 'application/json' }
  return await app.inject({ method: 'POST', url: '/echo', headers, payload })
}

test.for([
  ['{"name":"a","name":"b"}', 'The body has the key "name" twice'],
  ['{"name":"a","n\\u0061me":"a"}', 'The body has the key "name" twice'],
  ['[{"a":{"b":1,"c":[],"b":2}}]', 'The body has the key "b" twice'],
  [' { "a\\"" : 1 , "a\\"" : 1 }', String.raw`The body has the key "a\"" twice`],
  ['{"name":"x","__proto__":{}}', 'The body must not have a key "__proto__"'],
  ['{"a":[{"__proto\\u005f_":1}]}', 'The body must not have a key "__proto__"'],
  ['{"constructor":{"prototype":{}}}', 'The body must not have a key "prototype"'],
  ['\uFEFF{"name":"a","name":"b"}', 'The body has the key "name" twice'],
  ['\uFEFF{"__proto__":1}', 'The body must not have a key "__proto__"'],
  ['{"name":"a","name":', 'The body is not valid JSON'],
  ['{"__proto__":', 'The body is not valid JSON'],
] as const)('the body %s is a 400 that says why', async ([payload, detail]) => {
  const answer = await send(payload)

  expect(answer.json()).toMatchObject({ status: 400, code: 'REQUEST_INVALID', detail })
})

test.for([
  '{"a":{"name":1},"b":{"name":2},"name":3}',
  '[{"name":1},{"name":2}]',
  '{"a":"{\\"b\\":1,\\"b\\":2}","b":"a:","a:":"__proto__"}',
  '{"a":"\\\\","b":["x","x"],"":0}',
  '"text"',
  '5',
])('the body %s is taken as it is', async (payload) => {
  expect((await send(payload)).json()).toEqual({ body: JSON.parse(payload) })
})
