/** Medusa's configuration of the image but for Redis: with one process its own in-memory modules do. */
export const inMemoryConfig = `
const { defineConfig } = require('@medusajs/framework/utils')
const { DATABASE_URL, STORE_URL, JWT_SECRET, COOKIE_SECRET } = process.env
module.exports = defineConfig({
  projectConfig: {
    databaseUrl: DATABASE_URL,
    databaseDriverOptions: { connection: { ssl: false } },
    http: {
      storeCors: STORE_URL, adminCors: STORE_URL, authCors: STORE_URL,
      jwtSecret: JWT_SECRET, cookieSecret: COOKIE_SECRET,
    },
  },
})
`
