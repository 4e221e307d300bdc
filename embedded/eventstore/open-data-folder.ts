import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { openEventLog, type EventLog } from './storage/event-log.ts'
import { FatalError } from './storage/fatal-error.ts'
import { lockFolder } from './storage/lock-file.ts'

/** Opens a data folder for this process alone. Throws FatalError where that is not possible. */
export function openDataFolder(dataDir: string, onFailure: (error: unknown) => void): EventLog {
  try {
    mkdirSync(dataDir, { recursive: true })
    if (!statSync(dataDir).isDirectory()) throw new FatalError(`${dataDir} is not a folder.`)
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
    const lock = lockFolder(dataDir)
    const log = openEventLog(dataDir, onFailure)
    return {
      ...log,
      close: async () => {
        await log.close()
        lock.release()
      },
    }
  } catch (error) {
    if (error instanceof FatalError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new FatalError(`Cannot use the data folder ${dataDir}: ${reason}.`, { cause: error })
  }
}
