import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { cacheFolder } from '../../../embedded/tools.ts'
import { withLock } from '../../../embedded/setup/lock.js'
import { say, withProgress } from '../../../embedded/setup/output.js'
import { packLayer } from './archive.ts'
import { digestOf } from './digest.ts'

const image = fileURLToPath(new URL('../../../deploy/images/medusa', import.meta.url))
const PART = 'medusa'
const STEP_LIMIT_MS = 15 * 60_000
/** What the Dockerfile copies, as a test compares; whatever else a developer has there stays out. */
export const sources = [
  'package.json',
  'package-lock.json',
  'make-folders.mts',
  'tsconfig.json',
  'medusa-config.ts',
  'src',
  'set-up.mts',
  'set-up',
]
/** What the Dockerfile runs for it, as a test compares. What the build alone needs stays out of the layers. */
export const steps = [
  { run: 'npm install --no-save --no-audit --no-fund' },
  { run: 'node make-folders.mts' },
  {
    run: 'npm run build',
    env: { MEDUSA_BUILD: 'true', NODE_OPTIONS: '--max-old-space-size=3072' },
  },
]

/**
 * Puts the application into `folder` as the Medusa image holds it; the folder is the caller's alone. Made from
 * npm by the image's own steps, minutes, once, it lies in the user's cache as an archive: nobody who runs
 * it writes into what the next one gets.
 */
export async function unpackMedusaApp(folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const archive = await madeArchive(env)
  await mkdir(folder, { recursive: true })
  const args = ['--extract', '--file', archive, '--directory', folder]
  await withProgress(PART, 'unpacking', () => execa('tar', args, { timeout: STEP_LIMIT_MS }))
}

/** Of all the application is made from, and how: other sources, another archive; old ones are removed by hand. */
export async function medusaDigest(): Promise<string> {
  const names = await readdir(image, { recursive: true, withFileTypes: true })
  const paths = names
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(image.length + 1))
    .filter((path) => sources.some((source) => path === source || path.startsWith(`${source}/`)))
  return digestOf(image, paths, await readFile(import.meta.filename, 'utf8'))
}

async function madeArchive(env: NodeJS.ProcessEnv): Promise<string> {
  const archive = join(cacheFolder(env), `medusa-${await medusaDigest()}.tar`)
  if (existsSync(archive)) return archive
  await mkdir(dirname(archive), { recursive: true })
  await withLock(`${archive}.lock`, PART, async () => {
    if (!existsSync(archive)) await build(archive, env)
  })
  return archive
}

async function build(archive: string, env: NodeJS.ProcessEnv): Promise<void> {
  say(PART, `made from npm as ${archive}: several minutes, once`)
  const making = await mkdtemp(join(dirname(archive), 'making-'))
  try {
    const source = join(making, 'source')
    for (const name of sources) await cp(join(image, name), join(source, name), { recursive: true })
    // Medusa's program would keep something in the user's own folder.
    const settings = { ...env, MEDUSA_DISABLE_TELEMETRY: 'true', XDG_CONFIG_HOME: making }
    for (const step of steps) await perform(step.run, source, { ...settings, ...step.env })
    const app = join(source, '.medusa', 'server')
    for (const part of ['node_modules', 'set-up.mts', 'set-up'])
      await rename(join(source, part), join(app, part))
    const packed = join(making, 'app.tar')
    await withProgress(PART, 'packing', () => packLayer(packed, ['--directory', app, '.']))
    await rename(packed, archive)
  } finally {
    await rm(making, { recursive: true, force: true })
  }
  say(PART, 'made')
}

async function perform(run: string, cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  const [program = '', ...args] = run.split(' ')
  const command = program === 'node' ? process.execPath : program
  const options = { cwd, env, timeout: STEP_LIMIT_MS, stdin: 'ignore', all: true } as const
  const performed = () => execa(command, args, { ...options, reject: false })
  const { failed, all } = await withProgress(PART, run, performed)
  if (failed) throw new Error(`${run} for Medusa failed: ${all.slice(-2_000)}`)
}
