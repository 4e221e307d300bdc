import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { cacheFolder } from '../../../../embedded/cache-folder.ts'
import { withLock } from '../../../../embedded/setup/lock.js'
import { say, withProgress } from '../../../../embedded/setup/output.js'
import { digestOf } from '../digest.ts'

const image = fileURLToPath(new URL('../../../../deploy/images/medusa', import.meta.url))
const PART = 'medusa'
const INSTALL_LIMIT_MS = 15 * 60_000

/**
 * The folder of the Medusa image's application as the image holds it: made from npm by the image's own
 * steps into the user's cache, minutes, once. MEDUSA_APP_DIR names one that is used as it is instead.
 */
export async function medusaApp(env: NodeJS.ProcessEnv): Promise<string> {
  const folder = await medusaAppFolder(env)
  if (existsSync(folder)) return folder
  await mkdir(dirname(folder), { recursive: true })
  await withLock(`${folder}.lock`, PART, async () => {
    if (!existsSync(folder)) await build(folder, env)
  })
  return folder
}

/** Where it lies once it is made. */
async function medusaAppFolder(env: NodeJS.ProcessEnv): Promise<string> {
  return env['MEDUSA_APP_DIR'] ?? join(cacheFolder(env), `medusa-${await medusaDigest()}`)
}

/** Of the image's own files: another image, another folder; old ones are removed by hand. */
export async function medusaDigest(): Promise<string> {
  const names = await readdir(image, { recursive: true })
  const paths = names.filter(
    (name) => /\.m?ts$|\.json$/.test(name) && !name.includes('node_modules'),
  )
  return digestOf(image, paths)
}

async function build(folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  say(PART, `made from npm in ${folder}: several minutes, once`)
  const making = await mkdtemp(join(dirname(folder), 'making-'))
  try {
    const source = join(making, 'source')
    await cp(image, source, { recursive: true, filter: (path) => !path.endsWith('node_modules') })
    await npm(source, ['install', '--no-save', '--no-audit', '--no-fund'], env)
    const building = { ...env, MEDUSA_BUILD: 'true', NODE_OPTIONS: '--max-old-space-size=3072' }
    await npm(source, ['run', 'build'], building)
    const app = join(source, '.medusa', 'server')
    for (const part of ['node_modules', 'set-up.mts', 'set-up'])
      await rename(join(source, part), join(app, part))
    await rename(app, folder)
  } finally {
    await rm(making, { recursive: true, force: true })
  }
  say(PART, 'made')
}

async function npm(cwd: string, args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const options = { cwd, env, timeout: INSTALL_LIMIT_MS, stdin: 'ignore', all: true } as const
  const run = () => execa('npm', args, { ...options, reject: false })
  const { failed, all } = await withProgress(PART, `npm ${args.join(' ')}`, run)
  if (failed) throw new Error(`npm ${args[0]} for Medusa failed: ${all.slice(-2_000)}`)
}
