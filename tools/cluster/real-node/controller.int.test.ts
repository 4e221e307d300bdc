import { once } from 'node:events'
import { createServer } from 'node:http'
import { KubeConfig, type V1Pod } from '@kubernetes/client-node'
import { eventually } from '#test/eventually'
import { expect, onTestFinished, test } from 'vitest'
import { watchObjects } from './controller.ts'

const pod = (name: string) => ({ metadata: { name, namespace: 'x', uid: name } })
const list = { metadata: { resourceVersion: '1' }, items: [pod('one')] }

test('a watch that cannot be started again for a while ends nothing, and goes on when it can', async () => {
  let requests = 0
  const server = createServer((_, response) => {
    response.writeHead(++requests === 1 ? 500 : 200, { 'content-type': 'application/json' })
    if (requests === 1) response.end()
    else response.write(`${JSON.stringify({ type: 'ADDED', object: pod('two') })}\n`)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const config = new FailingConfig(server.address())
  const api = () => Promise.resolve({ status: 200, body: list })
  const pods = await watchObjects<V1Pod>(config, { path: '/api/v1/pods', api, changed: () => {} })

  await eventually(() => expect(pods.cache.get('two', 'x')).toBeDefined())

  expect(pods.cache.get('one', 'x')).toBeDefined()
  expect(config.calls).toBe(4)
  await pods.stop()
})

/** Credentials that cannot be had at the second and at the third call. */
class FailingConfig extends KubeConfig {
  calls = 0

  constructor(address: ReturnType<ReturnType<typeof createServer>['address']>) {
    super()
    const port = typeof address === 'object' ? address?.port : undefined
    this.loadFromClusterAndUser(
      { name: 'x', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
      { name: 'x', token: 't' },
    )
  }

  override async applySecurityAuthentication(
    ...context: Parameters<KubeConfig['applySecurityAuthentication']>
  ) {
    this.calls++
    if (this.calls === 2 || this.calls === 3) throw new Error('no credentials')
    await super.applySecurityAuthentication(...context)
  }
}
