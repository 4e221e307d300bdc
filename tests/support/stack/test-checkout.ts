import { chmod, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tempFolder } from '#test/temp-folder'
import { execa } from 'execa'

const setupFolder = fileURLToPath(new URL('../../../embedded/setup/', import.meta.url))
const packageLock = { packages: { '': {}, 'node_modules/one': { integrity: 'sha512-one' } } }

/** A checkout with the real set-up step, on a machine with nothing on PATH but what a test puts there. */
export async function testCheckout() {
  const folder = await tempFolder('storewright-setup-')
  const root = join(folder.path, 'checkout')
  const bin = join(folder.path, 'bin')
  const cache = join(folder.path, 'cache', 'storewright')
  const env = { PATH: bin, HOME: folder.path, XDG_CACHE_HOME: dirname(cache) }
  await cp(setupFolder, join(root, 'embedded', 'setup'), { recursive: true })
  const lockFile = 'processes/lock-file.js'
  await cp(join(setupFolder, '..', lockFile), join(root, 'embedded', lockFile))
  await mkdir(join(root, 'node_modules', '.bin'), { recursive: true })
  await mkdir(bin)
  for (const path of [join(bin, 'node'), join(root, 'node_modules', '.bin', 'node')])
    await symlink(process.execPath, path)
  for (const name of ['sh', 'tar', 'gzip', 'cat', 'chmod'])
    await symlink(await whereIs(name), join(bin, name))
  await writeFile(join(root, 'package.json'), '{"type":"module"}')
  const checkout = {
    root,
    cache,
    path: (name: string) => join(folder.path, name),
    /** Puts a scripted program on PATH. */
    program: (name: string, script: string) => writeProgram(join(bin, name), script),
    /** Starts the set-up; it is nobody's error when it fails. */
    setUp: (more: NodeJS.ProcessEnv = {}, args: string[] = []) =>
      execa(process.execPath, [join(root, 'embedded/setup/main.js'), ...args], {
        env: { STOREWRIGHT_MIRROR: 'http://127.0.0.1:1', ...env, ...more },
        extendEnv: false,
        reject: false,
        timeout: 60_000,
      }),
    lockPackages: (lock: unknown) => writeJson(join(root, 'package-lock.json'), lock),
    installedPackages: (lock: unknown) =>
      writeJson(join(root, 'node_modules', '.package-lock.json'), lock),
    /** What the set-up left for the stack and the tests. */
    tools: async (): Promise<unknown> =>
      JSON.parse(await readFile(join(root, 'node_modules/.cache/storewright/tools.json'), 'utf8')),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
  await checkout.lockPackages(packageLock)
  await checkout.installedPackages(packageLock)
  return checkout
}

/** Answers `--version` and `version --short` as both tools do. */
export const versioned = (version: string) => `echo "v${version}"`

async function writeProgram(path: string, script: string): Promise<string> {
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
  return path
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, JSON.stringify(value))
}

async function whereIs(name: string): Promise<string> {
  return (await execa('/bin/sh', ['-c', `command -v ${name}`])).stdout
}
