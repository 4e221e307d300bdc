import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { createLogger } from '#observability'
import { sampleTarget as target } from '#test/provisioner/sample-target'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import type { Cluster } from './context.ts'
import { withClaimSecret } from './fence.ts'

test('a work folder that cannot be removed spoils no good run of helm, and the claim Secret is gone', async () => {
  await using temp = await tempFolder()
  await using work = await tempFolder()
  const deployed = { code: 0, signal: null, stderr: '', durationMs: 5 }
  const requests: string[] = []

  const ended = await withClaimSecret(
    clusterAt(work.path, requests),
    { target, lease },
    async () => {
      await rename(work.path, join(temp.path, 'elsewhere'))
      await writeFile(work.path, 'not a folder')
      return deployed
    },
  )

  expect(ended).toEqual(deployed)
  expect(requests.at(-1)).toBe('DELETE /api/v1/namespaces/s-x/secrets/claim-1-11111111')
})

const lease = {
  attempt: 1,
  claimId: '11111111-1111-4111-8111-111111111111',
  signal: new AbortController().signal,
  deadline: () => 0n,
  confirm: () => Promise.resolve(),
}

/** A cluster whose API server grants every request. */
function clusterAt(workDir: string, requests: string[]): Cluster {
  const never = () => Promise.reject(new Error('Nobody runs helm here'))
  const credentials = new KubeConfig()
  credentials.loadFromClusterAndUser(
    { name: 'x', server: 'https://x', skipTLSVerify: true },
    { name: 'x' },
  )
  const metadata = { name: 'x', uid: 'u', resourceVersion: '1' }
  return {
    api: (path, { method = 'GET' } = {}) => {
      requests.push(`${method} ${path}`)
      const status = method === 'POST' ? 201 : 200
      return Promise.resolve({ status, body: { metadata, status: { token: 't' } } })
    },
    credentials,
    withNamespaceAccess: (_, work) => work(),
    helm: { run: never, checkVersion: never },
    workDir,
    chartsDir: '/nowhere',
    plansDir: '/nowhere',
    helmLimitMs: 1,
    removalLimitMs: 1,
    routeLimitMs: 1_000,
    logger: createLogger({ service: 'test', level: 'silent' }),
  }
}
