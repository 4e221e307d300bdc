import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Who may speak to the API server; `restricted` is known to it and may do nothing. */
const users = {
  admin: ['storewright-admin', 'system:masters'],
  restricted: ['storewright-restricted', ''],
  controllerManager: ['system:kube-controller-manager', 'system:masters'],
  scheduler: ['system:kube-scheduler', ''],
  kwok: ['storewright-kwok', 'system:masters'],
} as const

export type Tokens = Record<keyof typeof users, string>

export interface Credentials {
  tokens: Tokens
  /** In the API server's form, readable by this user alone. */
  tokensFile: string
  /** Signs the tokens of service accounts. */
  serviceAccountKeyFile: string
}

/** The secrets of the cluster in `folder`: random, made once, the same after a restart. */
export async function credentialsOf(folder: string): Promise<Credentials> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const tokensFile = join(folder, 'tokens.csv')
  const serviceAccountKeyFile = join(folder, 'service-account.key')
  if (!existsSync(tokensFile)) await writeSecret(tokensFile, newTokens())
  if (!existsSync(serviceAccountKeyFile)) await writeSecret(serviceAccountKeyFile, newKey())
  return { tokens: parse(await readFile(tokensFile, 'utf8')), tokensFile, serviceAccountKeyFile }
}

/** Writes what only this user may read. */
export async function writeSecret(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600 })
}

function newTokens(): string {
  const lines = Object.values(users).map(([name, group]) => {
    const token = randomBytes(32).toString('base64url')
    return [token, name, name, ...(group === '' ? [] : [`"${group}"`])].join(',')
  })
  return `${lines.join('\n')}\n`
}

function parse(csv: string): Tokens {
  const byName = new Map<string, string>()
  for (const line of csv.trim().split('\n')) {
    const [token = '', name = ''] = line.split(',')
    byName.set(name, token)
  }
  const tokenOf = (user: keyof typeof users) => {
    const token = byName.get(users[user][0])
    if (token) return token
    throw new Error(`The cluster's tokens.csv holds no token of ${user}: wipe the cluster`)
  }
  return {
    admin: tokenOf('admin'),
    restricted: tokenOf('restricted'),
    controllerManager: tokenOf('controllerManager'),
    scheduler: tokenOf('scheduler'),
    kwok: tokenOf('kwok'),
  }
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
}
