// Runs a service's command (replay, rebuild, …) on the running `npm start`: an address that the environment
// does not give is the one the stack has written down.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readAddresses } from './stack/status-files.ts'
import { ownEnvironment, parseStackConfig } from './config.ts'

const program = resolve(process.argv[2] ?? '')
ownEnvironment(process.env)
const { dataDir } = parseStackConfig(process.env, [])
const addresses = readAddresses(dataDir)
if (Object.keys(addresses).length === 0 && !process.env['EVENTSTORE_URL']) {
  process.stderr.write(
    `npm start is not running on ${dataDir}: start it first, or set EVENTSTORE_URL\n`,
  )
  process.exit(1)
}
for (const [name, address] of Object.entries(addresses))
  if (!process.env[name]) process.env[name] = address

process.argv.splice(1, 2, program)
await import(pathToFileURL(program).href)
