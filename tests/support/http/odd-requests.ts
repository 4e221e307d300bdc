interface OddRequest {
  name: string
  bytes: string
  isReading: boolean
  /** Whether the first answer is an error of 4xx. */
  isError: boolean
}

const json = 'Content-Type: application/json'
const body = '{"name":"x"}'
const sized = `Content-Length: ${body.length}`
const id = '1370e47d-8d7d-5183-9bf7-62a6e8d65a84'
const chunked = 'Transfer-Encoding: chunked'
const large = 'x'.repeat(1_500_000)

/** Requests that a proxy easily changes: raw bytes, each of which makes the server close the connection. */
export const oddRequests: OddRequest[] = [
  ...['GET', 'HEAD', 'OPTIONS', 'PUT', 'PATCH', 'DELETE', 'QUERY', 'TRACE', 'PROPFIND', 'LINK'].map(
    (method) => odd(`${method} /api/stores`, { line: `${method} /api/stores` }),
  ),
  ...['PUT', 'POST', 'QUERY'].map((method) =>
    odd(`${method} a store`, { line: `${method} /api/stores/${id}` }),
  ),
  odd('POST to events', { line: `POST /api/stores/${id}/events` }),
  odd('GET of a command', { line: `GET /api/stores/${id}/retry` }),
  odd('POST health', { line: 'POST /health/live' }),
  ...[
    '/%zz',
    '/nothing?a=%zz',
    '/api/stores/%zz?q=1',
    '/api/%2e%2e/stores',
    '/api/../api/stores',
    '/api/./stores',
    '//api/stores',
    '/api//stores',
    '/api/stores/',
    '/API/STORES',
    '/api/stores;a=b',
    '/api/stores?',
    '/api/stores?a=b#c',
    `/api/stores/${'a'.repeat(300)}`,
    '/api/stores/%00',
    '/api/stores/..%2f..%2fetc',
    '/nothing',
    '*',
    'http://localhost/api/stores',
    'http://localhost/api/../api/stores',
    'http://evil.example/api/stores',
    'nonsense',
  ].map((target) => odd(`GET ${target.slice(0, 40)}`, { line: `GET ${target}` })),
  odd('an ETag that fits', { line: `GET /api/stores/${id}`, headers: ['If-None-Match: "1"'] }),
  odd('no Host', { line: 'GET /api/stores', host: [] }),
  odd('two Hosts', { line: 'GET /api/stores', host: ['Host: localhost', 'Host: evil.example'] }),
  odd('a foreign Host', { line: 'GET /api/stores', host: ['Host: evil.example'] }),
  odd('a foreign Origin', { headers: [json, sized, 'Origin: https://evil.example'], body }),
  odd('an Origin of ours', { headers: [json, sized, 'Origin: http://localhost:3001'], body }),
  odd('a plain body', { headers: [json, sized], body }),
  odd('Expect', { headers: [json, sized, 'Expect: 100-continue'], body }),
  odd('another expectation', { headers: [json, sized, 'Expect: a-miracle'], body }),
  odd('hop-by-hop fields', {
    headers: [json, sized, 'Keep-Alive: timeout=5', 'TE: trailers', 'Proxy-Connection: close'],
    body,
  }),
  odd('an upgrade', { headers: [json, sized, 'Upgrade: h2c'], body }),
  odd('two keys', { headers: [json, sized, 'Idempotency-Key: a', 'Idempotency-Key: b'], body }),
  odd('a key that Connection names', {
    headers: [json, sized, 'Keep-Alive: 1', 'Connection: keep-alive'],
    body,
  }),
  odd('no media type', { headers: [sized], body }),
  odd('an incomplete media type', { headers: ['Content-Type: application', sized], body }),
  odd('another media type', { headers: ['Content-Type: text/plain', sized], body }),
  odd('a coding', { headers: [json, sized, 'Content-Encoding: gzip'], body }),
  odd('no body', { headers: [json] }),
  odd('a body of nothing', { headers: [json, 'Content-Length: 0'] }),
  odd('no JSON', { headers: [json, 'Content-Length: 1'], body: '{' }),
  odd('a large body', { headers: [json, `Content-Length: ${large.length}`], body: large }),
  odd('a large body in chunks', {
    headers: [json, chunked],
    body: `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`,
  }),
  odd('chunks', { headers: [json, chunked], body: `c\r\n${body}\r\n0\r\n\r\n` }),
  odd('chunks with a trailer', {
    headers: [json, chunked, 'Trailer: a'],
    body: `c\r\n${body}\r\n0\r\na: b\r\n\r\n`,
  }),
  odd('a broken chunk', { headers: [json, chunked], body: `zz\r\n${body}\r\n0\r\n\r\n` }),
  odd('a length and chunks', {
    headers: [json, sized, chunked],
    body: `c\r\n${body}\r\n0\r\n\r\n`,
  }),
  odd('a length that is no number', { headers: [json, 'Content-Length: x'], body }),
  odd('two lengths', { headers: [json, sized, 'Content-Length: 3'], body }),
  odd('DELETE with a body', { line: `DELETE /api/stores/${id}`, headers: [json, sized], body }),
  odd('headers of 20 KB', { line: 'GET /api/stores', headers: [`X: ${'x'.repeat(20_000)}`] }),
  odd('a header with a blank in its name', { line: 'GET /api/stores', headers: ['a b: c'] }),
  odd('HTTP/1.0', { line: 'GET /api/stores', version: '1.0', close: '' }),
  odd('HTTP/1.0 without Host', { line: 'GET /api/stores', version: '1.0', close: '', host: [] }),
  odd('HTTP/2.0', { line: 'GET /api/stores', version: '2.0' }),
  { name: 'no HTTP', bytes: 'HELLO\r\n\r\n', isReading: false, isError: true },
  {
    name: 'CONNECT',
    bytes: 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    isReading: false,
    isError: true,
  },
  {
    name: 'two requests on one connection',
    bytes: `GET /api/stores HTTP/1.1\r\nHost: localhost\r\n\r\n${bytesOf({ line: 'GET /nothing' })}`,
    isReading: true,
    isError: false,
  },
]

interface Parts {
  line?: string
  version?: string
  host?: string[]
  headers?: string[]
  close?: string
  body?: string
}

function odd(name: string, parts: Parts): OddRequest {
  const isReading = /^(GET|HEAD) /.test(parts.line ?? 'POST ')
  const isError = /%zz|miracle|broken|20 KB|blank in|no Host|foreign|large body/.test(
    `${name} ${parts.headers?.join() ?? ''}`,
  )
  return { name, bytes: bytesOf(parts), isReading, isError }
}

function bytesOf(parts: Parts): string {
  const { line = 'POST /api/stores', version = '1.1', host = ['Host: localhost'] } = parts
  const { headers = [], close = 'Connection: close', body: content = '' } = parts
  const head = [`${line} HTTP/${version}`, ...host, ...headers, ...(close === '' ? [] : [close])]
  return `${head.join('\r\n')}\r\n\r\n${content}`
}
