import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

/** Runs one of the projector's repair commands as a process; resolves with any exit code. */
export async function repair(
  command: 'rebuild.ts' | 'replay-parked.ts',
  world: { log: { url: string }; database: { url: string } },
  ...args: string[]
) {
  const program = fileURLToPath(new URL(`../../../services/projector/${command}`, import.meta.url))
  return execa(process.execPath, [program, ...args], {
    env: { EVENTSTORE_URL: world.log.url, DATABASE_URL: world.database.url },
    reject: false,
    timeout: 60_000,
  })
}
