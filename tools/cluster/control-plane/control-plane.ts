import { X509Certificate } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Api, apiClient } from './api-client.ts'
import * as components from './components.ts'
import { credentialsOf, kubeconfig, type Tokens, writeSecret } from './credentials.ts'
import type { ProcessGroup } from './process-group.ts'

const RENEW_BEFORE_MS = 7 * 86_400_000

export interface ControlPlane {
  url: string
  /** PEM. */
  ca: string
  tokens: Tokens
  /** As the admin. */
  api: Api
  /** Writes the kubeconfig of a cluster user, readable by this user of the machine alone; returns its path. */
  configFor: (name: keyof Tokens) => Promise<string>
}

/** Starts etcd, the API server, the controllers and the scheduler; resolves when the API answers. */
export async function startControlPlane(
  group: ProcessGroup,
  layout: components.Layout,
): Promise<ControlPlane> {
  const { folder } = layout
  const { tokens, tokensFile, serviceAccountKeyFile: keyFile } = await credentialsOf(folder)
  const caFile = join(folder, 'certificates', 'apiserver.crt')
  const url = `https://${layout.apiHost}:${layout.apiPort}`
  await dropOldCertificate(caFile)
  await group.launch(components.etcd(layout))
  await group.launch(components.apiServer(layout, tokensFile, keyFile))
  await group.until('kube-apiserver', async () => {
    const client = apiClient({ url, ca: await readFile(caFile, 'utf8'), token: tokens.admin })
    const { status, body } = await client('/readyz')
    if (status !== 200) throw new Error(`/readyz was answered with ${status}: ${String(body)}`)
  })
  const ca = await readFile(caFile, 'utf8')
  const configFor = (name: keyof Tokens) =>
    writeConfig(folder, name, kubeconfig({ url, ca, token: tokens[name] }))
  const manager = await configFor('controllerManager')
  await group.launch(components.controllerManager(layout, { kubeconfig: manager, keyFile, caFile }))
  await group.launch(components.scheduler(layout, await configFor('scheduler')))
  return { url, ca, tokens, api: apiClient({ url, ca, token: tokens.admin }), configFor }
}

/** The API server makes a new certificate, valid for a year, where there is none. */
async function dropOldCertificate(caFile: string): Promise<void> {
  const pem = await readFile(caFile).catch(() => undefined)
  if (pem === undefined) return
  const validTo = Date.parse(new X509Certificate(pem).validTo)
  if (validTo - Date.now() < RENEW_BEFORE_MS) await rm(join(caFile, '..'), { recursive: true })
}

async function writeConfig(folder: string, name: keyof Tokens, text: string): Promise<string> {
  const file = name === 'admin' ? 'kubeconfig' : `${name}.kubeconfig`
  await writeSecret(join(folder, file), text)
  return join(folder, file)
}
