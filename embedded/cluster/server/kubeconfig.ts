import { dump } from 'js-yaml'

interface Access {
  url: string
  /** The certificate authority, PEM. */
  ca: string
  token: string
}

/** A kubeconfig that needs no other file. */
export function kubeconfig({ url, ca, token }: Access): string {
  const name = 'storewright'
  return dump({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name,
        cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') },
      },
    ],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  })
}
