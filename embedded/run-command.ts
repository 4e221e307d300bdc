// Runs a service's command (replay, rebuild, …) on the running `npm start`: an address that the environment
// does not give is the one the stack has written down.
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readAddresses } from './stack/data-folder.ts'
import { ownEnvironment, parseStackConfig } from './config.ts'
import { holderOf } from './processes/lock-file.js'

const program = resolve(process.argv[2] ?? '')
ownEnvironment(process.env)
const { dataDir } = parseStackConfig(process.env, [])
// One that was killed has left its addresses behind.
const isRunning = holderOf(join(dataDir, 'stack.lock')) !== undefined
const addresses = isRunning ? readAddresses(dataDir) : {}
if (!isRunning && !process.env['EVENTSTORE_URL']) {
  process.stderr.write(
    `npm start is not running on ${dataDir}: start it first, or set EVENTSTORE_URL\n`,
  )
  process.exit(1)
}
for (const [name, address] of Object.entries(addresses))
  if (!process.env[name]) process.env[name] = address

process.argv.splice(1, 2, program)
await import(pathToFileURL(program).href)
