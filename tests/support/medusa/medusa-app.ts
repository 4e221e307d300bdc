import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

const image = fileURLToPath(new URL('../../../deploy/images/medusa', import.meta.url))
const INSTALL_LIMIT_MS = 15 * 60_000

/**
 * The folder of the Medusa image's application as the image holds it: made from npm by the image's own
 * steps into the user's cache, minutes, once. MEDUSA_APP_DIR names one that is used as it is instead.
 */
export async function medusaApp(env: NodeJS.ProcessEnv): Promise<string> {
  const given = env['MEDUSA_APP_DIR']
  if (given !== undefined) return given
  const folder = join(cacheFolder(env), `medusa-${await digest()}`)
  if (!existsSync(folder)) await build(folder, env)
  return folder
}

async function build(folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  say(`Making Medusa from npm in ${folder}: several minutes, once`)
  await mkdir(dirname(folder), { recursive: true })
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
  say('Medusa is made')
}

async function npm(cwd: string, args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  say(`  npm ${args.join(' ')}`)
  const options = { cwd, env, timeout: INSTALL_LIMIT_MS, stdin: 'ignore', all: true } as const
  const { failed, all } = await execa('npm', args, { ...options, reject: false })
  if (failed) throw new Error(`npm ${args[0]} for Medusa failed: ${all.slice(-2_000)}`)
}

/** Another image, another folder; old ones are removed by hand. */
async function digest(): Promise<string> {
  const hash = createHash('sha256')
  const names = await readdir(image, { recursive: true })
  const paths = names.filter(
    (name) => /\.m?ts$|\.json$/.test(name) && !name.includes('node_modules'),
  )
  for (const path of paths.toSorted())
    hash.update(`${path}\0`).update(await readFile(join(image, path)))
  return hash.digest('hex').slice(0, 12)
}

function cacheFolder(env: NodeJS.ProcessEnv): string {
  const base = env['XDG_CACHE_HOME']
  return join(base && isAbsolute(base) ? base : join(homedir(), '.cache'), 'storewright')
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
