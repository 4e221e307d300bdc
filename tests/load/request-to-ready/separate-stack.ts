import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tempFolder } from '#test/temp-folder'
import { forgetSettings } from '#test/vitest/forget-settings'
import { readAddresses, readPids } from '../../../embedded/stack/data-folder.ts'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { startProcess, untilReady } from '../../../embedded/processes/start-process.ts'

const program = fileURLToPath(new URL('../../../embedded/start.ts', import.meta.url))
const READY_TIMEOUT_MS = 120_000

/** The whole stack, every service a process of its own, on a free port and data that go with it. */
export async function separateStack(env: Record<string, string>) {
  await using building = new AsyncDisposableStack()
  const folder = building.use(await tempFolder('storewright-load-'))
  const port = await freePort()
  const dataDir = join(folder.path, 'data')
  const logFile = join(folder.path, 'stack.log')
  const shell = { ...process.env }
  forgetSettings(shell)
  const stack = await startProcess({
    command: process.execPath,
    args: [program, '--separate'],
    logFile,
    env: { ...shell, ...env, PORT: `${port}`, STOREWRIGHT_DATA: dataDir },
    stopTimeoutMs: 60_000,
  })
  building.defer(stack.stop)
  const url = `http://127.0.0.1:${port}`
  const probe = async () => {
    const answer = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(10_000) })
    if (!answer.ok) throw new Error(await answer.text())
  }
  await untilReady(stack, { name: 'The stack', logFile, timeoutMs: READY_TIMEOUT_MS, probe })
  const { EVENTSTORE_URL: eventStoreUrl = '' } = readAddresses(dataDir)
  const held = building.move()
  return {
    url,
    eventStoreUrl,
    releasesDir: join(dataDir, 'releases'),
    /** Which process is which. */
    pids: () => readPids(dataDir),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}
