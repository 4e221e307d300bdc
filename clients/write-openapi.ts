// Writes the document that the services serve, for generators of clients and for its linter.
import { readFile, writeFile } from 'node:fs/promises'
import { openApiDocument } from '#http'

const file = new URL('openapi.json', import.meta.url)
const wanted = `${JSON.stringify(openApiDocument(), undefined, 2)}\n`
if (process.argv.includes('--check')) {
  const present = await readFile(file, 'utf8').catch(() => '')
  if (present !== wanted) {
    process.stderr.write('clients/openapi.json is not current: run npm run openapi\n')
    process.exitCode = 1
  }
} else await writeFile(file, wanted)
