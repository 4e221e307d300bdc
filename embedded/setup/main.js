// Installs what is missing, then says what is used and where it came from. Runs on the system's
// Node ≥ 20 before anything is installed, so: plain JavaScript and no packages.
import { fileURLToPath } from 'node:url'
import { say, sayError } from './output.js'
import { installPackages } from './packages.js'
import { installTool } from './install-tool.js'
import { writeTools } from './tools.js'
import { helm, natsServer } from './tools.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const natsIsGiven = process.argv.includes('--start') && process.env.NATS_URL

try {
  requireNode(20)
  // A tool may have to be built, which takes minutes; so does npm with a slow network.
  const [packages, tools] = await Promise.allSettled([installPackages(root), setUpTools()])
  for (const { status, reason } of [packages, tools]) if (status === 'rejected') throw reason
  await writeTools(root, tools.value)
} catch (error) {
  sayError(error)
  process.exitCode = 1
}

async function setUpTools() {
  const notNeeded = natsIsGiven && 'not needed: NATS_URL is set'
  const nats = await setUpTool(natsServer, { notNeeded })
  return { 'nats-server': nats, helm: await setUpTool(helm) }
}

async function setUpTool(tool, { notNeeded = '' } = {}) {
  if (notNeeded) {
    say(tool.name, notNeeded)
    return undefined
  }
  const { path, version, origin } = await installTool(tool)
  say(tool.name, `${version} ${origin}`)
  // A program that a variable names is for this run alone.
  return process.env[tool.variable] ? undefined : path
}

function requireNode(major) {
  if (Number(process.versions.node.split('.')[0]) >= major) return
  throw new Error(`Node ${major} or newer is needed, this is ${process.versions.node}: nodejs.org`)
}
