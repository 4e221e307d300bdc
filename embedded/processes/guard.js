// Started beside a process that has children: when that process dies, however it dies, its pipe to
// this one closes, and what is left of its children is ended. Plain JavaScript: it starts in 40 ms.
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'

const PATIENCE_MS = 5_000
const LOOK_EVERY_MS = 50

/** @type {Map<number, string>} */
const children = new Map()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})

for await (const line of createInterface({ input: process.stdin })) {
  const [sign, pid, signal] = line.split(' ')
  if (sign === '+') children.set(Number(pid), signal ?? 'SIGTERM')
  else children.delete(Number(pid))
}

for (const [pid, signal] of children) send(pid, signal)
const giveUpAt = Date.now() + PATIENCE_MS
while (children.size > 0 && Date.now() < giveUpAt) {
  await wait(LOOK_EVERY_MS)
  for (const pid of children.keys()) if (!send(pid, 0)) children.delete(pid)
}
for (const pid of children.keys()) send(pid, 'SIGKILL')

/**
 * @param {number} pid
 * @param {string | number} signal
 */
function send(pid, signal) {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}
