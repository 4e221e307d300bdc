import { once } from 'node:events'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { freePort } from '../../embedded/processes/free-port.ts'

const script = fileURLToPath(new URL('../healthcheck.sh', import.meta.url))
const check = (port: number) =>
  execa(script, ['/health/ready'], { env: { PORT: `${port}` }, reject: false })

test.each([
  [200, 0],
  [503, 1],
  [404, 1],
])(
  'a service that answers %i: the check of its container ends with %i',
  async (status, exitCode) => {
    const asked: (string | undefined)[] = []
    const server = createServer((request, response) => {
      asked.push(request.url)
      response.writeHead(status).end('{"status":"…"}')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0

    const result = await check(port)
    server.close()

    expect(result.exitCode).toBe(exitCode)
    expect(asked).toEqual(['/health/ready'])
  },
)

test('a service that does not listen fails the check', async () => {
  expect((await check(await freePort())).exitCode).toBe(1)
})
