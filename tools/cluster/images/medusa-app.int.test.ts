import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import { unpackMedusaApp } from './medusa-app.ts'

/** Two modules as npm would bring them, one of them without migrations. */
const npm = `#!/bin/sh
set -e
if [ "$1" = install ]; then
  mkdir -p node_modules/@medusajs/caching/dist node_modules/@medusajs/cart/dist/migrations
  echo code > node_modules/@medusajs/cart/dist/migrations/first.js
else
  mkdir -p .medusa/server
fi
`
const migrations = (app: string, module: string) =>
  join(app, 'node_modules/@medusajs', module, 'dist/migrations')

test('every module has the folder that migrating would make, where nothing can be written', async () => {
  await using temp = await tempFolder()
  const app = await unpack(temp.path, 'app')

  expect(existsSync(migrations(app, 'caching'))).toBe(true)
  expect(existsSync(join(migrations(app, 'cart'), 'first.js'))).toBe(true)
})

test('what one who runs the application writes into it is not there for the next, nor for an image', async () => {
  await using temp = await tempFolder()
  const first = await unpack(temp.path, 'first')
  await writeFile(join(migrations(first, 'caching'), 'left-behind.js'), '')
  await writeFile(join(first, 'package-lock.json'), 'spoilt')

  const second = await unpack(temp.path, 'second')

  expect(existsSync(join(migrations(second, 'caching'), 'left-behind.js'))).toBe(false)
  expect(existsSync(join(second, 'package-lock.json'))).toBe(false)
})

async function unpack(folder: string, name: string): Promise<string> {
  const programs = join(folder, 'bin')
  await mkdir(programs, { recursive: true })
  await writeFile(join(programs, 'npm'), npm, { mode: 0o755 })
  const path = [programs, process.env['PATH']].join(delimiter)
  const env = { ...process.env, PATH: path, XDG_CACHE_HOME: join(folder, 'cache') }
  const app = join(folder, name)
  await unpackMedusaApp(app, env)
  return app
}
