import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { arch, platform } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { testCheckout, versioned } from '#test/stack/test-checkout'

type Checkout = Awaited<ReturnType<typeof testCheckout>>

const release = `nats-server-v2.15.2-${platform()}-${arch() === 'x64' ? 'amd64' : arch()}`

test('a missing program is built with Go once and then comes from the cache', async () => {
  await using checkout = await withHelm()
  const builds = await scriptedGo(checkout, goodBuild)

  const first = await checkout.setUp()
  const second = await checkout.setUp()

  expect(first.stdout).toContain('nats-server  2.15.2 built with Go')
  expect(second.stdout).toContain('nats-server  2.15.2 from the cache')
  expect(await builds()).toBe(1)
})

test('two set-ups at once build a program once and both succeed', async () => {
  await using checkout = await withHelm()
  const builds = await scriptedGo(checkout, goodBuild)

  const both = await Promise.all([checkout.setUp(), checkout.setUp()])

  expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0])
  expect(await builds()).toBe(1)
})

test('a half-written program never gets into the cache', async () => {
  await using checkout = await withHelm()
  await scriptedGo(
    checkout,
    'echo "garbage" > "$GOBIN/nats-server"; chmod 755 "$GOBIN/nats-server"',
  )

  const { stderr, exitCode } = await checkout.setUp()

  expect(exitCode).toBe(1)
  expect(stderr).toContain('built with Go: ')
  expect(await readdir(checkout.cache)).toEqual([])
})

test('a damaged program in the cache is built again', async () => {
  await using checkout = await withHelm()
  await scriptedGo(checkout, goodBuild)
  const cached = join(checkout.cache, 'nats-server-2.15.2')
  await mkdir(cached, { recursive: true })
  await writeFile(join(cached, 'nats-server'), 'not a program', { mode: 0o755 })

  const { stdout } = await checkout.setUp()

  expect(stdout).toContain('nats-server  2.15.2 built with Go')
})

test('an official release is unpacked and used when its checksum is right', async () => {
  await using checkout = await withHelm()
  await using mirror = await serveRelease(checkout, { rightChecksum: true })

  const { stdout, exitCode } = await checkout.setUp({ STOREWRIGHT_MIRROR: mirror.url })

  expect(stdout).toContain('nats-server  2.15.2 from its official release')
  expect(exitCode).toBe(0)
})

test('a release with another checksum is refused and not kept', async () => {
  await using checkout = await withHelm()
  await using mirror = await serveRelease(checkout, { rightChecksum: false })

  const { stderr, exitCode } = await checkout.setUp({ STOREWRIGHT_MIRROR: mirror.url })

  expect(stderr).toContain(`its release says ${'0'.repeat(64)}: not used`)
  expect(existsSync(join(checkout.cache, 'nats-server-2.15.2'))).toBe(false)
  expect(exitCode).toBe(1)
})

test('a cache folder that cannot be made is one clear sentence', async () => {
  await using checkout = await withHelm()
  await writeFile(checkout.path('file'), '')

  const { stderr, exitCode } = await checkout.setUp({ XDG_CACHE_HOME: checkout.path('file') })

  expect(stderr).toContain(`The cache folder ${checkout.path('file')}/storewright cannot be made`)
  expect(exitCode).toBe(1)
})

const goodBuild = `
echo '#!/bin/sh' > "$GOBIN/nats-server"
echo '${versioned('2.15.2')}' >> "$GOBIN/nats-server"
chmod 755 "$GOBIN/nats-server"`

async function withHelm(): Promise<Checkout> {
  const checkout = await testCheckout()
  await checkout.program('helm', versioned('4.3.1'))
  return checkout
}

/** Puts a `go` on PATH that does `build`; resolves to how often it was called. */
async function scriptedGo(checkout: Checkout, build: string) {
  const calls = checkout.path('go-calls')
  await checkout.program('go', `echo "$@" >> ${calls}\n${build}`)
  return async () => (await readFile(calls, 'utf8')).trim().split('\n').length
}

async function serveRelease(checkout: Checkout, { rightChecksum }: { rightChecksum: boolean }) {
  const folder = checkout.path(release)
  await mkdir(folder)
  await writeFile(join(folder, 'nats-server'), `#!/bin/sh\n${versioned('2.15.2')}\n`, {
    mode: 0o755,
  })
  const file = `${folder}.tar.gz`
  await execa('tar', ['-czf', file, '-C', join(folder, '..'), release])
  const archive = await readFile(file)
  const sum = rightChecksum ? createHash('sha256').update(archive).digest('hex') : '0'.repeat(64)
  const server = createServer((request, response) => {
    response.end(request.url === '/SHA256SUMS' ? `${sum}  ${release}.tar.gz\n` : archive)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
