// Writes src/schema.ts, the API's types, from clients/openapi.json. The sums at its head tell whether it is current, so
// that checking needs no generator.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const document = pathOf('../openapi.json')
const generated = pathOf('src/schema.ts')
const generator = pathOf('node_modules/openapi-typescript/bin/cli.js')

interface Told {
  paths: Record<string, Record<string, { parameters?: { name?: string }[] }>>
}

/** What takes an idempotency key: types are gone when the client asks. */
function keyedOperations(): string {
  const { paths }: Told = JSON.parse(readFileSync(document, 'utf8'))
  const keyed = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { parameters = [] }]) =>
      parameters.some(({ name }) => name === 'Idempotency-Key')
        ? [`${method.toUpperCase()} ${path}`]
        : [],
    ),
  )
  return `export const keyedOperations: readonly string[] = ${JSON.stringify(keyed, undefined, 4)};\n`
}

const sum = (text: string): string => createHash('sha256').update(text).digest('hex')
const headOf = (types: string): string =>
  `// sha256 of clients/openapi.json: ${sum(readFileSync(document, 'utf8'))}\n` +
  `// sha256 of what follows: ${sum(types)}\n`

if (process.argv.includes('--check')) {
  const [first = '', second = '', ...types] = readFileSync(generated, 'utf8').split('\n')
  if (`${first}\n${second}\n` !== headOf(types.join('\n'))) {
    process.stderr.write(
      'clients/typescript/src/schema.ts is not current: run npm run client:generate\n',
    )
    process.exitCode = 1
  }
} else if (existsSync(generator)) {
  const types = execFileSync(process.execPath, [generator, document], { encoding: 'utf8' })
  const written = `${types}\n${keyedOperations()}`
  writeFileSync(generated, headOf(written) + written)
} else {
  process.stderr.write('The generator is not installed: run npm ci --prefix clients/typescript\n')
  process.exitCode = 1
}
