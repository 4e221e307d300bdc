import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dump } from 'js-yaml'

/** The users of the API server; `restricted` may log in and has no rights. */
const users = {
  admin: ['storewright-admin', 'system:masters'],
  restricted: ['storewright-restricted', ''],
  controllerManager: ['system:kube-controller-manager', 'system:masters'],
  scheduler: ['system:kube-scheduler', ''],
  kwok: ['storewright-kwok', 'system:masters'],
  kubelet: ['system:node:sandbox', 'system:nodes'],
  kubeProxy: ['system:kube-proxy', ''],
  dns: ['storewright-dns', ''],
} as const

export type Tokens = Record<keyof typeof users, string>

interface Credentials {
  tokens: Tokens
  /** In the API server's form, readable by this user alone. */
  tokensFile: string
  /** Signs the tokens of service accounts. */
  serviceAccountKeyFile: string
}

/** The secrets of the cluster in `folder`: random, created once, kept over restarts. */
export async function credentialsOf(folder: string): Promise<Credentials> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const tokensFile = join(folder, 'tokens.csv')
  const serviceAccountKeyFile = join(folder, 'service-account.key')
  const before = await readFile(tokensFile, 'utf8').catch(() => '')
  const tokens = parse(before)
  const text = format(tokens)
  if (text !== before) await writeSecret(tokensFile, text)
  if (!existsSync(serviceAccountKeyFile)) await writeSecret(serviceAccountKeyFile, newKey())
  return { tokens, tokensFile, serviceAccountKeyFile }
}

/** Writes what only this user may read. */
export async function writeSecret(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600 })
}

/** A user that the file does not name, as after an update, gets a new token. */
function parse(csv: string): Tokens {
  const known = new Map<string, string>()
  for (const line of csv.trim().split('\n')) {
    const [token = '', name = ''] = line.split(',')
    if (token !== '') known.set(name, token)
  }
  const tokenOf = (user: keyof typeof users) =>
    known.get(users[user][0]) ?? randomBytes(32).toString('base64url')
  return {
    admin: tokenOf('admin'),
    restricted: tokenOf('restricted'),
    controllerManager: tokenOf('controllerManager'),
    scheduler: tokenOf('scheduler'),
    kwok: tokenOf('kwok'),
    kubelet: tokenOf('kubelet'),
    kubeProxy: tokenOf('kubeProxy'),
    dns: tokenOf('dns'),
  }
}

function format(tokens: Tokens): string {
  const line = (user: keyof Tokens) => {
    const [name, group] = users[user]
    return [tokens[user], name, name, ...(group === '' ? [] : [`"${group}"`])].join(',')
  }
  const all: (keyof Tokens)[] = [
    'admin',
    'restricted',
    'controllerManager',
    'scheduler',
    'kwok',
    'kubelet',
    'kubeProxy',
    'dns',
  ]
  return `${all.map(line).join('\n')}\n`
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
}

interface Access {
  url: string
  /** The certificate authority, PEM. */
  ca: string
  token: string
}

/** A self-contained kubeconfig. */
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
