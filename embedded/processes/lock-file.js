// The one lock of all. Plain JavaScript without packages: the set-up takes it before anything is installed.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

const WAIT_MS = 5
const PATIENCE_MS = 5_000
let taken = 0

/**
 * Takes the lock `path`, or tells the pid of its holder.
 *
 * Each process has files of its own beside `path`. Their names say who it is, and none is ever used twice: what
 * a dead process left may be removed at any time, and what is in a file does not matter. A process first says
 * that it wants the lock, then looks who else does. Of any two, one has looked after the other had said so, and
 * does not take the lock; where both have seen the other, the one with the higher name steps back.
 */
export function takeLock(path) {
  const own = ownTicket(path)
  const giveUpAt = Date.now() + PATIENCE_MS
  for (;;) {
    create(`${own}.wants`)
    const others = ticketsOf(path).filter(({ ticket }) => ticket !== basename(own))
    const holder = others.find(({ state }) => state === 'holds') ?? lateOne(others, giveUpAt)
    if (others.length === 0) {
      create(`${own}.holds`)
      return { release: () => remove(own) }
    }
    if (holder || others.some(({ ticket }) => ticket < basename(own))) remove(own)
    if (holder) return { holder: holder.pid }
    waitFor(WAIT_MS * (1 + Math.random()))
  }
}

/** Says that this process uses what the lock protects, beside others that do; who takes the lock is refused. */
export function shareLock(path) {
  const own = ownTicket(path)
  create(`${own}.holds`)
  return { release: () => remove(own) }
}

/** The pid of a process that holds or shares the lock. */
export function holderOf(path) {
  return ticketsOf(path).find(({ state }) => state === 'holds')?.pid
}

/** Who a process is: pids are used again, so when it started is part of it. Empty for one that has ended. */
export function identityOf(pid) {
  const startedAt = startOf(pid)
  return startedAt === ENDED || !exists(pid) ? '' : `${pid}-${startedAt ?? 'unknown'}`
}

function ownTicket(path) {
  return `${path}.${identityOf(process.pid)}-${++taken}`
}

function create(file) {
  writeFileSync(file, '', { mode: 0o600 })
}

function remove(own) {
  for (const state of ['holds', 'wants']) rmSync(`${own}.${state}`, { force: true })
}

// A process that was stopped between two steps counts as the holder.
function lateOne(others, giveUpAt) {
  return Date.now() > giveUpAt ? others[0] : undefined
}

/** What living processes say of the lock; what dead ones left is removed. */
function ticketsOf(path) {
  const tickets = []
  for (const name of namesIn(dirname(path))) {
    if (!name.startsWith(`${basename(path)}.`)) continue
    const rest = name.slice(basename(path).length + 1)
    const [, pid, startedAt, state] = /^(\d+)-(\w+)-\d+\.(wants|holds)$/.exec(rest) ?? []
    if (pid === undefined) continue
    const ticket = name.slice(0, -`.${state}`.length)
    if (isAlive(Number(pid), startedAt)) tickets.push({ ticket, pid: Number(pid), state })
    else rmSync(join(dirname(path), name), { force: true })
  }
  return tickets
}

function namesIn(folder) {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}

function isAlive(pid, startedAt) {
  if (!exists(pid)) return false
  const found = startOf(pid)
  return found === undefined || startedAt === 'unknown' || found === startedAt
}

function exists(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

const ENDED = 'ended'

/** When a process started, undefined where the system does not tell; a zombie has ended. */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? ENDED : `${fields[19]}x${bootId()}`
  } catch {
    return process.platform === 'linux' ? undefined : startByPs(pid)
  }
}

// Ticks count from the start of the machine.
function bootId() {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8)
  } catch {
    return ''
  }
}

function startByPs(pid) {
  try {
    const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' }
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', `${pid}`], { env, encoding: 'utf8' })
    return `${Date.parse(started)}`
  } catch {
    return undefined
  }
}

// Without giving way: one caller of the lock cannot wait for a promise.
function waitFor(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
