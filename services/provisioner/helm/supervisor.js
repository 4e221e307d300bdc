// Runs one program in a process group of its own for a provisioner, and ends it when the provisioner
// asks, dies, freezes or may no longer work: the provisioner says again and again until which moment
// of the machine's monotonic clock the program may live. Plain JavaScript: it starts in 40 ms.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'

const STDERR_BYTES_MAX = 16_384
const LAST_OUTPUT_WAIT_MS = 1_000

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})
process.stdout.on('error', () => {})

const lines = createInterface({ input: process.stdin })
const [first] = await once(lines, 'line')
const order = JSON.parse(first)
let liveUntil = BigInt(order.liveUntil)
const limit = process.hrtime.bigint() + BigInt(order.limitMs) * 1_000_000n
/** @type {string | undefined} */
let reason
let ending = false
let stderr = Buffer.alloc(0)
let stdoutBytes = 0

if (liveUntil <= process.hrtime.bigint()) finish({ reason: 'LICENCE_ENDED' })
const child = spawn(order.command, order.args, {
  cwd: order.cwd,
  env: order.env,
  detached: true,
  stdio: ['ignore', 'pipe', 'pipe'],
})
child.once('error', (error) => {
  if (child.pid === undefined) finish({ reason: 'NOT_STARTED', stderr: error.message })
})
const exited = once(child, 'exit')
const closed = once(child, 'close')
if (child.pid !== undefined) tell({ started: child.pid })

lines.on('line', (line) => {
  if (line === 'stop') end('STOPPED')
  else liveUntil = BigInt(line)
})
lines.on('close', () => end('PROVISIONER_GONE'))
const watch = setInterval(look, 100)

const output = openSync(order.stdoutFile, 'wx', 0o600)
child.stdout.on('data', (chunk) => {
  stdoutBytes += chunk.length
  if (stdoutBytes <= order.stdoutBytesMax) writeSync(output, chunk)
  else end('OUTPUT_TOO_LARGE')
})
child.stderr.on('data', (chunk) => {
  stderr = Buffer.concat([stderr, chunk]).subarray(-STDERR_BYTES_MAX)
})

const [code, signal] = await exited
// What the program left behind would go on working, and hold its outputs open.
await Promise.race([Promise.all([closed, groupGone()]), wait(LAST_OUTPUT_WAIT_MS)])
finish({ code, signal, reason, stderr: stderr.toString('utf8') })

function look() {
  const now = process.hrtime.bigint()
  if (now >= limit) end('LIMIT')
  else if (now >= liveUntil) end('LICENCE_ENDED')
}

/** @param {string} why */
function end(why) {
  if (ending) return
  ending = true
  reason = why
  clearInterval(watch)
  send('SIGTERM')
  setTimeout(() => send('SIGKILL'), order.killAfterMs)
}

async function groupGone() {
  while (send('SIGKILL')) await wait(20)
}

/**
 * False when the whole group has ended.
 * @param {NodeJS.Signals} name
 */
function send(name) {
  try {
    return child.pid !== undefined && process.kill(-child.pid, name)
  } catch {
    return false
  }
}

/** @param {object} report */
function tell(report) {
  process.stdout.write(`${JSON.stringify(report)}\n`)
}

/** @param {object} ended */
function finish(ended) {
  process.stdout.write(`${JSON.stringify({ ended })}\n`, () => process.exit(0))
}
