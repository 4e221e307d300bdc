import { z } from 'zod'

const loopback = ['127.0.0.1', '::1', 'localhost']

/** What no message may quote: an address that holds a password. */
const encoded = 'with each special character of a user and a password as %XX'
const host = String.raw`(?:\[[\da-f:.]+\]|[^\s/?#@:,[\]]+)(?::\d{1,5})?`
const eventStoreUrl = new RegExp(
  String.raw`^esdb(?:\+discover)?://(?:[^\s/?#@]+@)?${host}(?:,${host})*/?(?:\?[^\s?#@]*)?$`,
  'i',
)

/** True for an address that every client reads in the same way. */
function isAddress(text: string, protocols: string[]): boolean {
  const url = URL.parse(text)
  return url !== null && protocols.includes(url.protocol) && url.hash === ''
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
    .regex(eventStoreUrl, `must be esdb://user:password@host:port?options, ${encoded}`),
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

/** Authentication of the HTTP services; `off` is for a loopback address only: see `requireAuthentication`. */
export const authVariables = {
  AUTH: z.enum(['off', 'jwt']).default('jwt'),
  AUTH_ISSUER: z.string().optional(),
  AUTH_AUDIENCE: z.string().optional(),
  /** Anybody who can change the keys in transit can sign any token. */
  AUTH_JWKS_URL: z
    .url({ protocol: /^https?$/ })
    .refine(isHttpsOrLoopback, 'must start with https:// unless its host is loopback')
    .optional(),
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
}

/** A check for `superRefine`: without authentication only loopback is served; with it, all it needs is given. */
export function requireAuthentication(
  config: { HOST: string; AUTH: 'off' | 'jwt' } & Partial<Record<string, unknown>>,
  context: z.RefinementCtx,
): void {
  if (config.AUTH === 'off') {
    if (!loopback.includes(config.HOST))
      refuse(context, 'AUTH', `off is for a loopback HOST only, not ${config.HOST}: set AUTH=jwt`)
    return
  }
  for (const name of ['AUTH_ISSUER', 'AUTH_AUDIENCE', 'AUTH_JWKS_URL'])
    if (config[name] === undefined) refuse(context, name, 'is needed with AUTH=jwt')
}

const isOrigin = (text: string): boolean => URL.parse(text)?.origin === text

function isHttpsOrLoopback(address: string): boolean {
  const { protocol, hostname } = new URL(address)
  return protocol === 'https:' || loopback.includes(hostname.replaceAll(/[[\]]/g, ''))
}

function refuse(context: z.RefinementCtx, name: string, message: string): void {
  context.addIssue({ code: 'custom', path: [name], message })
}
