import { existsSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'

const PACKAGES = 'node_modules/@medusajs'

/**
 * Part of the image's build. `medusa db:migrate` makes a folder of migrations for each module that comes
 * without one, and ends with 1 where it may not: a store's root file system is read-only.
 */
for (const name of await readdir(PACKAGES)) {
  const code = join(PACKAGES, name, 'dist')
  if (existsSync(code)) await mkdir(join(code, 'migrations'), { recursive: true })
}
