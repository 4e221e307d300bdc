import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ownedByRoot, packLayer } from '../pack-layer.ts'

const lockFile = z.object({
  packages: z.record(z.string(), z.object({ dev: z.boolean().default(false) })),
})

/** The packages of the application as a layer; what the build alone needs stays out, as with npm's --omit=dev. */
export async function packagesLayer(app: string, folder: string): Promise<string> {
  const { packages } = lockFile.parse(
    JSON.parse(await readFile(join(app, 'package-lock.json'), 'utf8')),
  )
  const forBuild = Object.keys(packages).filter((path) => packages[path]?.dev)
  const excluded = join(folder, 'for-build')
  await writeFile(excluded, `${forBuild.join('\n')}\n`)
  return packLayer(join(folder, 'packages.tar'), [
    ...ownedByRoot,
    '--anchored',
    '--no-wildcards',
    `--exclude-from=${excluded}`,
    // Targets of symbolic links stay as they are.
    '--transform=s,^,app/,S',
    '--directory',
    app,
    'node_modules',
  ])
}
