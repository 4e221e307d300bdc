// Runs a service's command (replay, rebuild, …) on the running `npm start`: an address that the environment
// does not give is the one the stack has written down.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readAddresses } from './data-folder/addresses.ts'
import { parseStackConfig } from './config.ts'

const program = resolve(process.argv[2] ?? '')
const { dataDir } = parseStackConfig(process.env, [])
for (const [name, address] of Object.entries(readAddresses(dataDir)))
  if (!process.env[name]) process.env[name] = address

process.argv.splice(1, 2, program)
await import(pathToFileURL(program).href)
