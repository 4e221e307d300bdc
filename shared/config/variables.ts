import { compile } from '@fastify/proxy-addr'
import { z } from 'zod'

const loopback = ['127.0.0.1', '::1', 'localhost']

/** What no message may quote: an address that holds a password. */
const encoded = 'with each special character of a user and a password as %XX'
const host = String.raw`(?:\[[\da-f:.]+\]|[^\s/?#@:,[\]]+)(?::\d{1,5})?`
const eventStoreUrl = new RegExp(
  String.raw`^esdb(?:\+discover)?://(?:[^\s/?#@:]+:[^\s/?#@]+@)?${host}(?:,${host})*/?(?:\?[^\s?#@]*)?$`,
  'i',
)

/** True for an address that every client reads in the same way. */
function isAddress(text: string, protocols: string[]): boolean {
  const url = URL.parse(text)
  return url !== null && protocols.includes(url.protocol) && url.hash === '' && isEncoded(text)
}

/** False where a per cent sign is not the beginning of one encoded character. */
function isEncoded(text: string): boolean {
  try {
    return decodeURIComponent(text) !== ''
  } catch {
    return false
  }
}

/** In small or capital letters. */
export const logLevel = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']))
  .default('info')

/** Variables that every service has: where it listens (health, and HTTP where it serves any) and how it logs. */
export const serviceVariables = {
  HOST: z.string().default('127.0.0.1'),
  /** 0 takes any free port. */
  PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  LOG_LEVEL: logLevel,
}

export const eventStoreVariables = {
  /** `esdb://host:port?tls=false`, or a cluster's connection string. */
  EVENTSTORE_URL: z
    .string()
    .trim()
    .refine(
      (url) => eventStoreUrl.test(url) && isEncoded(url),
      `must be esdb://user:password@host:port?options, ${encoded}`,
    ),
}

export const messagingVariables = {
  /** `nats://host:port`; of several, separated by commas, those behind the first may leave out what they share with it. */
  NATS_URL: z
    .string()
    .transform(withSchemes)
    .refine(
      (urls) => urls.split(',').every((url) => isServer(url.trim())),
      `must be nats://user:password@host:port or tls://…, more hosts behind commas, ${encoded}`,
    )
    .refine(
      haveOneUser,
      'must give user and password at its first host; other hosts have the same, or none',
    ),
}

const bareServer = new RegExp(String.raw`^\s*${host}\s*$`, 'i')

/** Each host with a scheme: one that is nothing but a host takes that of the first. */
function withSchemes(urls: string): string {
  const [scheme] = /^\s*[a-z]+:\/\//i.exec(urls) ?? []
  if (scheme === undefined) return urls
  const parts = urls.split(',')
  return parts
    .map((part) => (bareServer.test(part) ? `${scheme.trim()}${part.trim()}` : part))
    .join(',')
}

/** The address of a server and nothing else. */
function isServer(text: string): boolean {
  if (!isAddress(text, ['nats:', 'tls:'])) return false
  const { hostname, pathname, search } = new URL(text)
  return hostname !== '' && /^\/?$/.test(pathname) && search === ''
}

function haveOneUser(urls: string): boolean {
  const [first, ...others] = urls.split(',').map((url) => URL.parse(url.trim()))
  return others.every(
    (url) =>
      !url?.username || (url.username === first?.username && url.password === first.password),
  )
}

export const databaseVariables = {
  DATABASE_URL: z
    .string()
    .refine(
      (url) => isAddress(url, ['postgres:', 'postgresql:']),
      `must be postgres://user:password@host:port/database, ${encoded}`,
    ),
}

export const authKinds = z.enum(['off', 'jwt', 'keys', 'keys,jwt', 'jwt,keys'])
/** off, or what a bearer may be. */
export type AuthKinds = z.output<typeof authKinds>

const elementsOf = (text: string): string[] => text.split(',').flatMap((part) => part.trim() || [])
const listOr = (fallback: string) => z.string().default(fallback).transform(elementsOf)
const pairsIn = (text: string) =>
  Object.fromEntries(elementsOf(text).map((pair) => pair.split('=').map((part) => part.trim())))

const keySetUrl = z
  .url({ protocol: /^https?$/ })
  .refine(isHttpsOrLoopback, 'must start with https:// unless its host is loopback')
  .refine(hasNoUser, 'must hold no user and no password')
const roleNames = ['read', 'write', 'admin', 'operator'] as const
// The path of zod's own message would hold what was given.
const roleMap = z.record(z.string(), z.unknown()).transform((given, context) => {
  const entries = Object.entries(given).flatMap(([name, wanted]) =>
    roleNames.flatMap((role) => (role === wanted ? [[name, role] as const] : [])),
  )
  if (entries.length === Object.keys(given).length) return Object.fromEntries(entries)
  context.addIssue(
    'must be pairs such as realm-admin=admin; roles are read, write, admin, operator',
  )
  return z.NEVER
})
const claimPaths = z.union([z.string().transform(elementsOf), z.array(z.string())]).optional()
const issuer = z.strictObject({
  issuer: z.string(),
  audience: z.string(),
  jwksUrl: keySetUrl,
  tokenType: z.string().optional(),
  tenantClaims: claimPaths,
  roleClaims: claimPaths,
  roleMap: roleMap.optional(),
})

function parsedJson(text: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue({ code: 'custom', message: 'must be a JSON list of issuers' })
    return z.NEVER
  }
}

/** Authentication of the HTTP services; `off` is for a loopback address only: see `requireAuthentication`. */
export const authVariables = {
  AUTH: authKinds.default('jwt'),
  /** Several issuers; the variables below give what one of them leaves out. */
  AUTH_ISSUERS: z.string().transform(parsedJson).pipe(z.array(issuer).min(1)).optional(),
  AUTH_ISSUER: z.string().optional(),
  AUTH_AUDIENCE: z.string().optional(),
  /** Anybody who can change the keys in transit can sign any token. */
  AUTH_JWKS_URL: keySetUrl.optional(),
  /** Origins of pages that may use the API from a browser, separated by commas. */
  CORS_ORIGINS: z
    .string()
    .default('')
    .transform((list) => list.split(',').flatMap((origin) => origin.trim() || []))
    .refine(
      (origins) => origins.every((origin) => /^https?:/.test(origin) && isOrigin(origin)),
      'must be origins such as https://shop.example.com, without a path, separated by commas',
    ),
  /** The `typ` that a token's header must have, such as `at+jwt`. */
  AUTH_TOKEN_TYPE: z.string().optional(),
  /** Where a token names its tenant and its roles; several paths, the first that it has is taken. */
  AUTH_CLAIM_TENANT: listOr('tenant'),
  AUTH_CLAIM_ROLES: listOr('roles,scope'),
  /** What an issuer calls a role: `realm-admin=admin,viewer=read`. */
  AUTH_ROLE_MAP: z.string().default('').transform(pairsIn).pipe(roleMap),
  /** The key of an operator that is in no log, to make the first keys with; or its SHA-256 in hex. */
  OPERATOR_KEY: z
    .string()
    .regex(/^[\w.~+/=-]{32,200}$/, 'must have 32–200 letters, digits or . _ ~ + / = -')
    .optional(),
  OPERATOR_KEY_SHA256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 characters of hex')
    .optional(),
}

/** What the HTTP services show to tenants; the same for all of them. */
export const apiVariables = {
  /** Hides positions of the log and names of workers in what tenants see. From EVENTSTORE_URL unless set. */
  POSITION_KEY: z.string().min(8, 'must have at least 8 characters').optional(),
  /** Proxies whose `X-Forwarded-For` is believed: addresses, networks and `loopback`, separated by commas. */
  TRUSTED_PROXIES: z
    .string()
    .default('')
    .transform(elementsOf)
    .refine(areNetworks, 'must be addresses, networks such as 10.0.0.0/8, or loopback'),
  /** Where clients reach the API, with the path that a proxy takes away: links begin with it. Paths alone unless set. */
  PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as https://example.com/storewright' })
    .refine((url) => !/[?#@]/.test(url), 'must have no query, no fragment and no user')
    .transform((url) => url.replace(/\/+$/, ''))
    .optional(),
}

/** What a tenant may for whom an operator has set nothing; the same for both APIs. */
export const tenantVariables = {
  /** Stores a tenant may have at the same time. */
  STORES_PER_TENANT_MAX: z.coerce.number().int().min(1).max(100_000).default(1_000),
  /** Requests a tenant may send to a process per minute; repetitions of a create do not count. */
  RATE_LIMIT_PER_MINUTE: z.coerce.number().int().min(1).default(6_000),
}

/** A check for `superRefine`: without authentication only loopback is served; with it, all it needs is given. */
export function requireAuthentication(
  config: { HOST: string; AUTH: AuthKinds } & Partial<Record<string, unknown>>,
  context: z.RefinementCtx,
): void {
  if (config.AUTH === 'off') {
    if (!loopback.includes(config.HOST))
      refuse(context, 'AUTH', 'off is for a loopback HOST only: set AUTH=keys or AUTH=jwt')
    return
  }
  if (!config.AUTH.includes('jwt') || config['AUTH_ISSUERS'] !== undefined) return
  for (const name of ['AUTH_ISSUER', 'AUTH_AUDIENCE', 'AUTH_JWKS_URL'])
    if (config[name] === undefined) refuse(context, name, 'is needed with AUTH=jwt')
}

function areNetworks(proxies: string[]): boolean {
  try {
    compile(proxies)
    return true
  } catch {
    return false
  }
}

const isOrigin = (text: string): boolean => URL.parse(text)?.origin === text
function isHttpsOrLoopback(address: string): boolean {
  const { protocol, hostname = '' } = URL.parse(address) ?? {}
  return protocol === 'https:' || loopback.includes(hostname.replaceAll(/[[\]]/g, ''))
}

function hasNoUser(address: string): boolean {
  const { username = '', password = '' } = URL.parse(address) ?? {}
  return username === '' && password === ''
}

function refuse(context: z.RefinementCtx, name: string, message: string): void {
  context.addIssue({ code: 'custom', path: [name], message })
}
