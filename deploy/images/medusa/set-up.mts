import { backendsReady } from './set-up/backends.mts'
import { fingerprint } from './set-up/fingerprint.mts'
import { migrate } from './set-up/migrate.mts'
import { runScript } from './set-up/run-medusa.mts'
import { withSetUpLock } from './set-up/set-up-lock.mts'

/**
 * Makes database and store ready for this version of the image, once, whatever number of pods start.
 * Exits 0 only when everything was done, now or earlier. It may be killed at any moment and run again.
 */
try {
  const database = await backendsReady()
  const version = await fingerprint()
  const outcome = await withSetUpLock(database, version, async (found) => {
    await migrate(database)
    // What the owner of a shop has changed or thrown away does not come back with an upgrade.
    if (found !== 'an earlier version') await runScript('create-admin')
    if (found === 'empty') await runScript('seed')
  })
  process.stdout.write(`set-up: ${outcome}, version ${version}\n`)
} catch (error) {
  process.stderr.write(`set-up: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
