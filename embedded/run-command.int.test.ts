import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { lockDataFolder } from './stack/data-folder.ts'
import { tempFolder } from '#test/temp-folder'

const root = fileURLToPath(new URL('..', import.meta.url))
const printAddresses =
  "console.log(process.env.EVENTSTORE_URL, process.env.NATS_URL, process.argv.slice(2).join(' '))"

test('a command runs on the addresses the running stack has written down, except those it is given', async () => {
  await using folder = await tempFolder()
  const written = { EVENTSTORE_URL: 'esdb://127.0.0.1:1', NATS_URL: 'nats://127.0.0.1:2' }
  await writeFile(join(folder.path, 'addresses.json'), JSON.stringify(written))
  const lock = await lockDataFolder(folder.path)
  const program = join(folder.path, 'program.mjs')
  await writeFile(program, printAddresses)

  const { stdout } = await execa(
    process.execPath,
    ['embedded/run-command.ts', program, '--store', 'x'],
    { cwd: root, env: { STOREWRIGHT_DATA: folder.path, NATS_URL: 'nats://127.0.0.1:3' } },
  )

  lock.release()
  expect(stdout).toBe('esdb://127.0.0.1:1 nats://127.0.0.1:3 --store x')
})

test.for([
  ['ended', undefined],
  ['was killed', { EVENTSTORE_URL: 'esdb://127.0.0.1:1' }],
])('a command says that npm start is not running: it %s', async ([, left]) => {
  await using folder = await tempFolder()
  if (left) await writeFile(join(folder.path, 'addresses.json'), JSON.stringify(left))

  const { stderr, exitCode } = await execa(
    process.execPath,
    ['embedded/run-command.ts', 'services/query-api/replay.ts'],
    { cwd: root, env: { STOREWRIGHT_DATA: folder.path }, reject: false },
  )

  expect(stderr).toContain(`npm start is not running on ${folder.path}`)
  expect(exitCode).toBe(1)
})
