import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { arch, platform } from 'node:os'
import { join } from 'node:path'
import { run } from './run.js'

const VERSION_TIMEOUT_MS = 20_000
const system = platform()
const machine = arch() === 'x64' ? 'amd64' : arch()

export const natsServer = {
  name: 'nats-server',
  variable: 'NATS_SERVER_BIN',
  version: '2.15.2',
  /** Oldest of each major version that will do. */
  suitable: ['2.12.3'],
  versionArgs: ['--version'],
  archive: `nats-server-v2.15.2-${system}-${machine}.tar.gz`,
  inArchive: `nats-server-v2.15.2-${system}-${machine}/nats-server`,
  releases: 'https://github.com/nats-io/nats-server/releases/download/v2.15.2',
  checksums: 'SHA256SUMS',
  goPackage: 'github.com/nats-io/nats-server/v2@v2.15.2',
  goFlags: [],
  buildTime: 'half a minute',
}

const helmArchive = `helm-v4.3.1-${system}-${machine}.tar.gz`

export const helm = {
  name: 'helm',
  variable: 'HELM_BIN',
  version: '4.3.1',
  suitable: ['4.1.4', '3.16.0'],
  versionArgs: ['version', '--short'],
  archive: helmArchive,
  inArchive: `${system}-${machine}/helm`,
  releases: 'https://get.helm.sh',
  checksums: `${helmArchive}.sha256sum`,
  goPackage: 'helm.sh/helm/v4/cmd/helm@v4.3.1',
  // Without it a helm built from source knows only its minor version.
  goFlags: ['-ldflags', '-s -w -X helm.sh/helm/v4/internal/version.version=v4.3.1'],
  buildTime: 'three minutes',
}

const helm3Archive = `helm-v3.22.0-${system}-${machine}.tar.gz`

/** For the tests that show that Helm 3 does as well. */
export const helm3 = {
  ...helm,
  variable: 'HELM3_BIN',
  version: '3.22.0',
  suitable: ['3.22.0'],
  archive: helm3Archive,
  checksums: `${helm3Archive}.sha256sum`,
  goPackage: 'helm.sh/helm/v3/cmd/helm@v3.22.0',
  goFlags: ['-ldflags', '-s -w -X helm.sh/helm/v3/internal/version.version=v3.22.0'],
}

/** The version a program says it has; throws when it does not run or is too old. */
export async function suitableVersion(tool, path) {
  const output = await run(path, tool.versionArgs, { timeoutMs: VERSION_TIMEOUT_MS })
  const version = /v?(\d+\.\d+(?:\.\d+)?)/.exec(output)?.[1]
  if (version === undefined) throw new Error(`${path} does not say its version`)
  const [major, ...rest] = numbers(version)
  const oldest = tool.suitable.find((each) => numbers(each)[0] === major)
  if (oldest && isAtLeast([major, ...rest], numbers(oldest))) return version
  throw new Error(`${path} is ${version}, ${tool.suitable.join(' or ')} or newer is needed`)
}

function numbers(version) {
  return version.split('.').map(Number)
}

function isAtLeast(version, oldest) {
  const at = oldest.findIndex((part, index) => part !== (version[index] ?? 0))
  return at === -1 || (version[at] ?? 0) > oldest[at]
}

/** Keeps the chosen programs where the stack and the tests look them up; a program that was not chosen again stays. */
export async function writeTools(root, tools) {
  const folder = join(root, 'node_modules', '.cache', 'storewright')
  const file = join(folder, 'tools.json')
  const making = `${file}.${process.pid}`
  await mkdir(folder, { recursive: true })
  const chosen = { ...(await chosenBefore(file)), ...JSON.parse(JSON.stringify(tools)) }
  await writeFile(making, JSON.stringify(chosen, null, 2))
  await rename(making, file)
}

async function chosenBefore(file) {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch {
    return {}
  }
}
