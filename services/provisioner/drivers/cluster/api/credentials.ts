import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type Cluster, KubeConfig } from '@kubernetes/client-node'
import { dump } from 'js-yaml'
import { AppError } from '#domain'

const POD_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/** The cluster and our account in it: from a kubeconfig file, else from our own pod. Throws CONFIG_INVALID. */
export function loadCredentials(kubeconfig: string | undefined): KubeConfig {
  const credentials = new KubeConfig()
  try {
    if (kubeconfig !== undefined) credentials.loadFromFile(kubeconfig)
    else if (existsSync(POD_TOKEN)) credentials.loadFromCluster()
  } catch (cause) {
    throw unusable(`${kubeconfig} cannot be read`, cause)
  }
  const server = credentials.getCurrentCluster()?.server
  if (server === undefined)
    throw unusable('DRIVER=cluster needs KUBECONFIG, or to run in a pod with an account')
  if (!server.startsWith('https://')) throw unusable(`${server} does not start with https://`)
  return credentials
}

/** Credentials for the same cluster that hold `token` and nothing else of ours. */
export function credentialsWithToken(own: KubeConfig, token: string): KubeConfig {
  const credentials = new KubeConfig()
  credentials.loadFromClusterAndUser(clusterOf(own), { name: 'release', token })
  return credentials
}

/** A self-contained kubeconfig for the holder of `token`. */
export async function kubeconfigWithToken(own: KubeConfig, token: string): Promise<string> {
  const { server, caData, caFile, skipTLSVerify, tlsServerName, proxyUrl } = clusterOf(own)
  const authority = caData ?? (caFile && (await readFile(caFile)).toString('base64'))
  const cluster = {
    server,
    ...(authority && { 'certificate-authority-data': authority }),
    ...(skipTLSVerify && { 'insecure-skip-tls-verify': true }),
    ...(tlsServerName && { 'tls-server-name': tlsServerName }),
    ...(proxyUrl && { 'proxy-url': proxyUrl }),
  }
  const name = 'release'
  return dump({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  })
}

function clusterOf(credentials: KubeConfig): Cluster {
  const cluster = credentials.getCurrentCluster()
  if (cluster === null) throw unusable('The kubeconfig names no cluster')
  return cluster
}

function unusable(message: string, cause?: unknown): AppError {
  return new AppError('CONFIG_INVALID', `The cluster cannot be used: ${message}`, { cause })
}
