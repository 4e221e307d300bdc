import { access, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { withLock } from '../../../embedded/setup/lock.js'
import { say, withProgress } from '../../../embedded/setup/output.js'
import { run, systemEnv } from '../../../embedded/setup/run.js'
import { onPath } from '../../../embedded/setup/run.js'

// Builds what the module in the second argument's folder pins into the folder named by the first. Plain
// JavaScript, as the set-up, whose lock and progress lines it uses; go.sum pins every byte.

const BUILD_TIMEOUT_MS = 3_600_000
const MAKING = 'making-'
const [folder, source] = process.argv.slice(2)

const { programs, gatewayApi } = JSON.parse(await readFile(join(source, 'pins.json'), 'utf8'))
try {
  await mkdir(folder, { recursive: true })
  await withLock(join(folder, 'lock'), 'cluster', buildMissing)
} catch (error) {
  process.stderr.write(`The local cluster cannot be built: ${error.message}\n`)
  process.exitCode = 1
}

async function buildMissing() {
  const versions = await pinnedVersions()
  for (const left of await readdir(folder))
    if (left.startsWith(MAKING)) await rm(join(folder, left), { recursive: true })
  const making = await mkdtemp(join(folder, MAKING))
  try {
    if (gatewayApi) await once('httproutes.yaml', () => fetchRouteDefinition(making))
    for (const program of programs)
      await once(program.name, () => build(program, versions(program.source), making))
  } finally {
    await rm(making, { recursive: true, force: true })
  }
}

/** A file under its final name is complete: it got there by a rename. */
async function once(name, make) {
  const place = join(folder, name)
  const present = await access(place).then(
    () => true,
    () => false,
  )
  if (!present) await rename(await make(), place)
}

async function build({ name, source: program, takes }, version, making) {
  const made = join(making, name)
  const flags = ['-mod=readonly', '-ldflags', linkerFlags(program, version), '-o', made, program]
  const text = `building ${name} ${version} with Go, once, about ${takes}`
  await withProgress('cluster', text, async () => runGo('build', ...flags))
  say('cluster', `${name} ${version} built with Go (${join(folder, name)})`)
  return made
}

async function fetchRouteDefinition(making) {
  const { module, sum, file } = gatewayApi
  const output = await runGo('mod', 'download', '-json', module)
  const found = JSON.parse(output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1))
  if (found.Sum !== sum) throw new Error(`${module} has the checksum ${found.Sum}, not ${sum}`)
  const made = join(making, 'httproutes.yaml')
  await copyFile(join(found.Dir, file), made)
  return made
}

async function runGo(...args) {
  const [go] = await onPath('go')
  if (go === undefined) throw new Error(goIsMissing())
  return run(go, args, { cwd: source, timeoutMs: BUILD_TIMEOUT_MS, env: systemEnv() })
}

function goIsMissing() {
  const names = programs.map(({ name }) => name).join(', ')
  const go = `Go is not on PATH. Install Go 1.26 (go.dev/dl)`
  if (!gatewayApi) return `${go}: it builds ${names}.`
  return `${go}, or set CLUSTER_BIN_DIR to a folder that holds ${names} and the Gateway API's httproutes.yaml.`
}

// Without them /version returns a template text, and a chart's kubeVersion check fails.
function linkerFlags(program, version) {
  if (!program.startsWith('k8s.io/kubernetes/')) return '-s -w'
  const [major, minor] = version.slice(1).split('.')
  const set = (name, value) => `-X k8s.io/component-base/version.${name}=${value}`
  const values = [set('gitVersion', version), set('gitMajor', major), set('gitMinor', minor)]
  return `-s -w ${values.join(' ')}`
}

async function pinnedVersions() {
  const goMod = await readFile(join(source, 'go.mod'), 'utf8')
  const required = [...goMod.matchAll(/^\s+(\S+) (v\S+)/gm)]
  return (program) => required.find(([, name]) => program.startsWith(name))?.[2]
}
