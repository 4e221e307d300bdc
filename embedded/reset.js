// Plain JavaScript: it also runs before anything is installed.
import { existsSync, rmSync, rmdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { holderOf } from './processes/lock-file.js'

// By name: the folder may be one that holds other people's files too.
const ours = ['event-store', 'nats-server', 'postgres', 'releases', 'logs']
const bookkeeping = ['addresses.json', 'processes.json', 'position.key']
const root = fileURLToPath(new URL('..', import.meta.url))
const folder = resolve(root, process.env.STOREWRIGHT_DATA || '.storewright')
const present = ours.map((name) => join(folder, name)).filter((path) => existsSync(path))

if (holderOf(join(folder, 'stack.lock')) !== undefined) {
  process.stderr.write(`The data in ${folder} is in use: end npm start first.\n`)
  process.exitCode = 1
} else if (present.length === 0) {
  process.stdout.write(`There is no data in ${folder}.\n`)
} else {
  process.stdout.write(`Removing all stores, events and read models:\n`)
  for (const path of [...present, ...bookkeeping.map((name) => join(folder, name))]) {
    if (existsSync(path)) process.stdout.write(`  ${path}\n`)
    rmSync(path, { recursive: true, force: true })
  }
  removeWhenEmpty()
}

function removeWhenEmpty() {
  try {
    rmdirSync(folder)
  } catch {
    process.stdout.write(`${folder} holds something else too and stays.\n`)
  }
}
