import { readFile } from 'node:fs/promises'
import { load, YAML11_SCHEMA } from 'js-yaml'
import { z } from 'zod'

const healthcheck = z.looseObject({ test: z.array(z.string()).min(2) })
const serviceSchema = z.looseObject({
  image: z.string(),
  user: z.string().optional(),
  command: z.array(z.string()).optional(),
  build: z.looseObject({ target: z.string() }).optional(),
  pull_policy: z.string().optional(),
  mem_limit: z.string().optional(),
  cpus: z.string().optional(),
  logging: z.object({ driver: z.string(), options: z.record(z.string(), z.string()) }).optional(),
  read_only: z.boolean().optional(),
  restart: z.string().optional(),
  cap_drop: z.array(z.string()).default([]),
  cap_add: z.array(z.string()).default([]),
  security_opt: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  networks: z.array(z.string()).default([]),
  network_mode: z.string().optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: healthcheck.optional(),
})
const composeSchema = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  networks: z.record(z.string(), z.object({ internal: z.boolean() }).partial().nullable()),
  volumes: z.record(z.string(), z.null()),
})

/** What an operator has to set before `docker compose up`. */
export const operatorSettings: Record<string, string> = {
  POSTGRES_PASSWORD: 'a1b2c3d4',
  AUTH_ISSUER: 'https://login.example.com/',
  AUTH_AUDIENCE: 'storewright',
  AUTH_JWKS_URL: 'https://login.example.com/.well-known/jwks.json',
}

/** docker-compose.yml with its variables filled in, as compose would. */
export async function readCompose(settings = operatorSettings) {
  const text = await readFile(new URL('../../docker-compose.yml', import.meta.url), 'utf8')
  return composeSchema.parse(load(fillIn(text, settings), { schema: YAML11_SCHEMA }))
}

function fillIn(text: string, settings: Record<string, string>): string {
  return text.replace(
    /\$\{(\w+)(?::([-?])([^}]*))?\}/g,
    (_, name: string, kind?: string, rest = '') => {
      const value = settings[name] ?? (kind === '-' ? rest : undefined)
      if (value === undefined) throw new Error(`${name} ${rest}`)
      return value
    },
  )
}
