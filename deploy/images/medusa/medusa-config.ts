import { defineConfig } from '@medusajs/framework/utils'

const databaseUrl = setting('DATABASE_URL')
const redisUrl = setting('REDIS_URL')
const storeUrl = setting('STORE_URL')

/** Configuration of a store: everything comes from the environment the chart gives. */
module.exports = defineConfig({
  projectConfig: {
    databaseUrl,
    redisUrl,
    workerMode: workerMode(process.env.MEDUSA_WORKER_MODE),
    // Store and database stand in one namespace that lets nobody else in.
    databaseDriverOptions: { connection: { ssl: false } },
    http: {
      storeCors: storeUrl,
      adminCors: storeUrl,
      authCors: storeUrl,
      jwtSecret: setting('JWT_SECRET'),
      cookieSecret: setting('COOKIE_SECRET'),
    },
  },
  admin: { disable: process.env.MEDUSA_WORKER_MODE === 'worker' },
  // Redis by its URL alone changes nothing: each module has to be named.
  modules: [
    { resolve: '@medusajs/medusa/event-bus-redis', options: { redisUrl } },
    { resolve: '@medusajs/medusa/workflow-engine-redis', options: { redis: { redisUrl } } },
    provided('caching', 'caching-redis', { redisUrl }),
    provided('locking', 'locking-redis', { redisUrl }),
    provided('file', 'file-local', { upload_dir: 'static', backend_url: `${storeUrl}/static` }),
  ],
})

function provided(module: string, provider: string, options: Record<string, string>) {
  const resolve = `@medusajs/medusa/${provider}`
  const providers = [{ resolve, id: provider, is_default: true, options }]
  return { resolve: `@medusajs/medusa/${module}`, options: { providers } }
}

function workerMode(mode = 'shared'): 'shared' | 'server' | 'worker' {
  if (mode === 'shared' || mode === 'server' || mode === 'worker') return mode
  throw new Error(`MEDUSA_WORKER_MODE is ${mode}, not shared, server or worker`)
}

function setting(name: string): string {
  const value = process.env[name]
  // `medusa build` reads this file too, and needs none of it.
  if (!value && process.env.MEDUSA_BUILD !== 'true') throw new Error(`${name} is not set`)
  return value ?? ''
}
