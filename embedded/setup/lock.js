import { setTimeout as wait } from 'node:timers/promises'
import { takeLock } from '../processes/lock-file.js'
import { withProgress } from './output.js'

const LOOK_EVERY_MS = 200

/** Runs `work` while no other set-up holds `path`; the lock of a dead one is taken over. */
export async function withLock(path, name, work) {
  let lock = take(path)
  if (!lock.release)
    await withProgress(name, `waiting for another set-up (process ${lock.holder})`, async () => {
      for (; !lock.release; lock = take(path)) await wait(LOOK_EVERY_MS)
    })
  try {
    return await work()
  } finally {
    lock.release()
  }
}

function take(path) {
  try {
    return takeLock(path)
  } catch (error) {
    throw new Error(`${path} cannot be written: ${error.message}`, { cause: error })
  }
}
