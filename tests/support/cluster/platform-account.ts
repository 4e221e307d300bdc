import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { loadAll } from 'js-yaml'
import { z } from 'zod'
import type { Api } from '../../../tools/cluster/control-plane/api-client.ts'
import { kubeconfig } from '../../../tools/cluster/control-plane/credentials.ts'
import { toolPath } from '../../../embedded/tools.ts'

const HELM_TIMEOUT_MS = 30_000
const chart = new URL('../../../deploy/charts/storewright', import.meta.url).pathname

interface Access {
  url: string
  /** PEM. */
  ca: string
  /** The admin's. */
  api: Api
}

/** Makes the provisioner on a cluster who the platform's chart makes it, and no more; its kubeconfig lies in `folder`. */
export async function platformAccount(access: Access, folder: string, namespace: string) {
  await apply(access, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  const account = { name: 'sw-provisioner', namespace }
  await apply(access, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account })
  for (const object of await rightsOfChart(namespace)) await apply(access, object)
  const token = await tokenOf(access, namespace, account.name)
  const file = join(folder, 'provisioner.kubeconfig')
  await writeFile(file, kubeconfig({ ...access, token }), { mode: 0o600 })
  return {
    token,
    /** What makes a provisioner work there. */
    environment: {
      DRIVER: 'cluster',
      KUBECONFIG: file,
      NAMESPACE_ROLE: 'sw-store-namespace',
      POD_NAMESPACE: namespace,
    },
  }
}

const token = z.object({ status: z.object({ token: z.string() }) })

/** A token of an account. */
async function tokenOf({ api }: Access, namespace: string, account: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`
  const { body } = await api(path, { method: 'POST', body: { spec: { expirationSeconds: 3_600 } } })
  return token.parse(body).status.token
}

const object = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
})
type KubernetesObject = z.output<typeof object>

async function rightsOfChart(namespace: string): Promise<KubernetesObject[]> {
  const files = ['provisioner-role', 'provisioner-fence'].flatMap((name) => [
    '--show-only',
    `templates/${name}.yaml`,
  ])
  const values = join(chart, 'ci', 'example-values.yaml')
  const args = ['template', 'sw', chart, '--namespace', namespace, '--values', values, ...files]
  // A Helm 3 that was built without its release flags would assume an old one.
  args.push('--kube-version', '1.36.0')
  const { stdout } = await execa(toolPath('helm'), args, { timeout: HELM_TIMEOUT_MS })
  return loadAll(stdout).map((document) => object.parse(document))
}

async function apply({ api }: Access, content: KubernetesObject): Promise<void> {
  const { apiVersion, kind, metadata } = content
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const scope = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`
  const resource = `${kind.toLowerCase()}s`.replace(/ys$/, 'ies')
  const path = `${root}${scope}/${resource}`
  const { status, body } = await api(path, { method: 'POST', body: content })
  if (status !== 201)
    throw new Error(`${path} was answered with ${status}: ${JSON.stringify(body)}`)
}
