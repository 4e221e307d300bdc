import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { expect, onTestFinished, test } from 'vitest'
import { credentialsWithToken, kubeconfigWithToken, loadCredentials } from './credentials.ts'

const server = 'https://127.0.0.1:6443'
const authority = { 'certificate-authority-data': 'Q0E=', 'tls-server-name': 'kubernetes' }

test('helm gets the cluster and its own token, and nothing of ours', async () => {
  const own = loadCredentials(await kubeconfigOf({ server, ...authority }))

  const kubeconfig = load(await kubeconfigWithToken(own, 'short-lived'))

  expect(kubeconfig).toMatchObject({
    clusters: [{ cluster: { server, ...authority } }],
    users: [{ user: { token: 'short-lived' } }],
  })
  expect(JSON.stringify(kubeconfig)).not.toContain('our-own')
  expect(credentialsWithToken(own, 't').getCurrentUser()).toMatchObject({ token: 't' })
})

test('an authority in a file is put into the kubeconfig', async () => {
  const folder = await folderOf()
  await writeFile(join(folder, 'ca.crt'), 'CA')
  const cluster = { server, 'certificate-authority': join(folder, 'ca.crt') }
  const own = loadCredentials(await kubeconfigOf(cluster))

  expect(load(await kubeconfigWithToken(own, 't'))).toMatchObject({
    clusters: [{ cluster: { 'certificate-authority-data': 'Q0E=' } }],
  })
})

test('without encryption no cluster is spoken to', async () => {
  const kubeconfig = await kubeconfigOf({ server: 'http://127.0.0.1:8080' })
  expect(() => loadCredentials(kubeconfig)).toThrow('does not start with https://')
})

test('a kubeconfig that is missing is named', () => {
  expect(() => loadCredentials('/nowhere')).toThrow('/nowhere cannot be read')
  expect(() => loadCredentials(undefined)).toThrow('needs KUBECONFIG')
})

async function kubeconfigOf(cluster: object): Promise<string> {
  const file = join(await folderOf(), 'kubeconfig')
  const config = {
    clusters: [{ name: 'x', cluster }],
    users: [{ name: 'x', user: { token: 'our-own' } }],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    'current-context': 'x',
  }
  await writeFile(file, JSON.stringify(config))
  return file
}

async function folderOf(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'storewright-connect-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}
