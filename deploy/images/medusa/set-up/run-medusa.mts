import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const CLI = 'node_modules/@medusajs/cli/cli.js'
const TIMEOUT_MS = 300_000

/** Runs one command of Medusa's own program; throws unless it exits 0 in time. */
export async function runMedusa(args: string[], env: Record<string, string> = {}): Promise<void> {
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: 'inherit',
    env: { ...process.env, ...env },
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  })
  // As the first process of a container this one dies of no signal by itself.
  const stop = () => child.kill('SIGTERM')
  process.once('SIGTERM', stop)
  const [code, signal] = await once(child, 'exit')
  process.off('SIGTERM', stop)
  if (code !== 0) throw new Error(`medusa ${args[0]} ended with ${code ?? signal}`)
}

/** Runs one of the image's scripts; throws unless the script itself says that it came to its end. */
export async function runScript(name: string): Promise<void> {
  const resultFile = join(tmpdir(), `set-up-${name}`)
  await rm(resultFile, { force: true })
  await runMedusa(['exec', `./src/scripts/${name}.js`], { SET_UP_RESULT_FILE: resultFile })
  const result = await readFile(resultFile, 'utf8').catch(() => '')
  if (result !== 'done') throw new Error(`the script ${name} did not come to its end`)
}
