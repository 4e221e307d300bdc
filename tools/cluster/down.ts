import { readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { endOwner, ownerOf } from './owner.ts'

const STOP_TIMEOUT_MS = 20_000
const KILL_TIMEOUT_MS = 5_000
const running = z.object({
  url: z.string(),
  kubeconfig: z.string(),
  pids: z.record(z.string(), z.number()),
})

/** Stops the cluster that runs in `folder`; its data stays. */
export async function down(folder: string): Promise<void> {
  const pid = await ownerOf(folder)
  await stop(folder)
  say(pid === undefined ? 'The cluster does not run.' : 'The cluster is down; its data is kept.')
}

/** Stops the cluster and removes everything it holds. */
export async function wipe(folder: string): Promise<void> {
  await stop(folder)
  await rm(resolve(folder), { recursive: true, force: true, maxRetries: 5 })
  say(`${resolve(folder)} is removed.`)
}

/** Says what runs; the exit code is 1 when nothing does. */
export async function status(folder: string): Promise<void> {
  const pid = await ownerOf(folder)
  const found = await readFile(join(folder, 'running.json'), 'utf8').catch(() => undefined)
  if (pid === undefined) {
    say('The cluster does not run: npm run cluster')
    process.exitCode = 1
  } else if (found === undefined) {
    say(`The cluster is being started (pid ${pid}).`)
  } else {
    const { url, kubeconfig, pids } = running.parse(JSON.parse(found))
    const components = Object.entries(pids).map(([name, each]) => `  ${name} (pid ${each})`)
    say(
      `The cluster runs at ${url} (pid ${pid})\n${components.join('\n')}\nKUBECONFIG=${kubeconfig}`,
    )
  }
}

async function stop(folder: string): Promise<void> {
  if (await endOwner(folder, 'SIGTERM', STOP_TIMEOUT_MS)) return
  if (await endOwner(folder, 'SIGKILL', KILL_TIMEOUT_MS)) return
  throw new Error(`The cluster in ${folder} does not end`)
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
