import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { withProgress } from './output.js'

const LOOK_EVERY_MS = 200

/** Runs `work` while no other set-up holds `path`; the lock of a dead one is taken over. */
export async function withLock(path, part, work) {
  if (!(await take(path))) {
    await withProgress(part, 'waiting for another set-up', async () => {
      while (!(await take(path))) await wait(LOOK_EVERY_MS)
    })
  }
  try {
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}

async function take(path) {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST')
      throw new Error(`${path} cannot be written: ${error.message}`, { cause: error })
  }
  const holder = await readFile(path, 'utf8').catch(() => '')
  if (holder !== '' && !isAlive(Number(holder))) await discard(path, holder)
  return false
}

// Moved aside and looked at again: another waiter may just have put its own lock there.
async function discard(path, holder) {
  const aside = `${path}.${process.pid}`
  await rename(path, aside).catch(() => {})
  const moved = await readFile(aside, 'utf8').catch(() => holder)
  if (moved === holder) await rm(aside, { force: true })
  else await rename(aside, path)
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}
