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
  await installPackages(root)
  await writeTools(root, {
    'nats-server': await setUpTool(natsServer, {
      notNeeded: natsIsGiven && 'not needed: NATS_URL is set',
    }),
    helm: await setUpTool(helm),
  })
} catch (error) {
  sayError(error)
  process.exitCode = 1
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
