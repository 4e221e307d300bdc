// Runs programs for a provisioner, one at a time and each in a process group of its own, and ends one when the
// provisioner asks, dies, freezes or may no longer work: the provisioner says again and again until which moment
// of the machine's monotonic clock the program may live. Plain JavaScript: it starts in 40 ms. After a run it
// waits for the next order, and it ends with its provisioner.
import { spawn } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'

const STDERR_BYTES_MAX = 16_384
const LAST_OUTPUT_WAIT_MS = 1_000

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})
process.stdout.on('error', () => {})

/** @type {ReturnType<typeof begin>} */
let current
const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => {
  if (line.startsWith('{')) current = begin(JSON.parse(line))
  // What was meant for the run before comes too late for it, and is not for the next.
  else if (line === 'stop') current?.end('STOPPED')
  else current?.live(BigInt(line))
})
lines.on('close', () => current?.end('PROVISIONER_GONE'))

/**
 * Starts an order's program unless its time has passed.
 * @param {{ command: string, args: string[], cwd: string, env: Record<string, string>, stdoutFile: string,
 *   stdoutBytesMax: number, limitMs: number, killAfterMs: number, liveUntil: string }} order
 */
function begin(order) {
  let liveUntil = BigInt(order.liveUntil)
  if (liveUntil <= process.hrtime.bigint()) return finish({ reason: 'LEASE_EXPIRED' })
  const limit = process.hrtime.bigint() + BigInt(order.limitMs) * 1_000_000n
  const output = openOutput(order.stdoutFile)
  if (typeof output === 'object') return finish(output)
  const child = spawn(order.command, order.args, {
    cwd: order.cwd,
    env: order.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { pid } = child
  /** @type {string | undefined} */
  let reason
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let killing
  const end = (/** @type {string} */ why) => {
    if (reason !== undefined) return
    reason = why
    clearInterval(watch)
    signalGroup(pid, 'SIGTERM')
    killing = setTimeout(() => signalGroup(pid, 'SIGKILL'), order.killAfterMs)
  }
  const watch = setInterval(() => {
    const now = process.hrtime.bigint()
    if (now >= limit) end('LIMIT')
    else if (now >= liveUntil) end('LEASE_EXPIRED')
  }, 100)
  // Nothing of this run may reach the next: no timer, no late output.
  const forget = () => [watch, killing].forEach((timer) => clearTimeout(timer))
  child.once('error', (error) => {
    if (pid !== undefined) return
    forget()
    finish({ reason: 'NOT_STARTED', stderr: error.message })
  })
  if (pid !== undefined) tell({ started: pid })
  const closed = new Promise((resolve) => child.once('close', resolve))
  const collected = collect(child, output, { ...order, end })
  child.once('exit', async (code, signal) => {
    await allGone(pid, closed)
    forget()
    finish({ code, signal, reason, stderr: collected() })
  })
  return { end, live: (/** @type {bigint} */ until) => (liveUntil = until) }
}

/**
 * The descriptor of the new file, or why there is none.
 * @param {string} stdoutFile
 */
function openOutput(stdoutFile) {
  try {
    return openSync(stdoutFile, 'wx', 0o600)
  } catch (error) {
    return outputFailed(error)
  }
}

/** @param {unknown} error */
function outputFailed(error) {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const reason = code === 'ENOSPC' || code === 'EDQUOT' ? 'DISK_FULL' : 'OUTPUT_FAILED'
  return { reason, stderr: error instanceof Error ? error.message : String(error) }
}

/**
 * Takes the program's output; the result stops that, and returns the end of its errors.
 * @param {import('node:child_process').ChildProcessByStdio<null, import('node:stream').Readable, import('node:stream').Readable>} child
 * @param {number} output
 * @param {{ stdoutBytesMax: number, end: (why: string) => void }} order
 */
function collect(child, output, { stdoutBytesMax, end }) {
  let stdoutBytes = 0
  let stderr = Buffer.alloc(0)
  /** @type {string | undefined} */
  let failure
  child.stdout.on('data', (/** @type {Buffer} */ chunk) => {
    stdoutBytes += chunk.length
    if (failure !== undefined) return
    if (stdoutBytes > stdoutBytesMax) return end('OUTPUT_TOO_LARGE')
    try {
      // A disk that is nearly full takes a part.
      for (let from = 0; from < chunk.length;) from += writeSync(output, chunk, from)
    } catch (error) {
      const failed = outputFailed(error)
      failure = failed.stderr
      end(failed.reason)
    }
  })
  child.stderr.on('data', (chunk) => {
    stderr = Buffer.concat([stderr, chunk]).subarray(-STDERR_BYTES_MAX)
  })
  return () => {
    for (const stream of [child.stdout, child.stderr]) stream.removeAllListeners('data').destroy()
    closeSync(output)
    return failure ?? stderr.toString('utf8')
  }
}

/**
 * What the program left behind would go on working, and hold its outputs open.
 * @param {number | undefined} pid
 * @param {Promise<unknown>} closed
 */
async function allGone(pid, closed) {
  const late = new AbortController()
  const { signal } = late
  const groupGone = async () => {
    while (!signal.aborted && signalGroup(pid, 'SIGKILL')) await wait(20)
  }
  const waited = wait(LAST_OUTPUT_WAIT_MS, undefined, { signal }).catch(() => {})
  await Promise.race([Promise.all([closed, groupGone()]), waited])
  late.abort()
}

/**
 * False when the whole group has ended.
 * @param {number | undefined} pid
 * @param {NodeJS.Signals} name
 */
function signalGroup(pid, name) {
  try {
    return pid !== undefined && process.kill(-pid, name)
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
  current = undefined
  tell({ ended })
}
