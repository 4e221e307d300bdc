// Runs the cluster tests with Helm 3, found, fetched or built as the set-up does with Helm 4. What is
// given behind the command is passed on.
import { spawn } from 'node:child_process'
import { say, sayError } from './output.js'
import { installTool } from './install-tool.js'
import { helm3 } from './tools.js'

try {
  const { path, version, origin } = await installTool(helm3)
  say('helm 3', `${version} ${origin}`)
  const args = ['run', 'test:cluster', '--', ...process.argv.slice(2)]
  const tests = spawn('npm', args, { stdio: 'inherit', env: { ...process.env, HELM_BIN: path } })
  tests.once('error', sayError)
  tests.once('close', (code) => (process.exitCode = code ?? 1))
} catch (error) {
  sayError(error)
  process.exitCode = 1
}
