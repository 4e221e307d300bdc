import { loadavg } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { runSupervised } from '../../services/provisioner/helm/run-supervised.ts'
import { tempFolder } from '#test/temp-folder'
import { cpuOf } from './request-to-ready/cpu-of.ts'

// What the supervision of a run costs: a program that prints a line and ends, run under its supervisor and run
// bare, in turns; CPU of this process and of all its children, so the figure hardly depends on other load.
// Arguments: runs a round (50), rounds (5), at once (4).

const [runs = 50, rounds = 5, atOnce = 4] = process.argv.slice(2, 5).map(Number)
const LIMIT_MS = 60_000
const [command, args] = ['/bin/sh', ['-c', 'echo done']]

await using folder = await tempFolder('storewright-supervised-')
let number = 0
await cpuOfRound(supervised)
await cpuOfRound(bare)
const differences: number[] = []
print(`${runs} runs a round, ${atOnce} at once; load ${loadavg()[0]?.toFixed(1)}`)
for (let round = 0; round < rounds; round++) {
  const [with_, without] = [await cpuOfRound(supervised), await cpuOfRound(bare)]
  differences.push(with_ - without)
  print(`CPU ms a run: supervised ${with_.toFixed(1)}, bare ${without.toFixed(1)}`)
}
const sorted = differences.toSorted((a, b) => a - b)
const at = (index: number) => (sorted.at(index) ?? Number.NaN).toFixed(1)
print(`Supervision costs ${at(Math.floor(rounds / 2))} ms of CPU a run (${at(0)}–${at(-1)}).`)

async function cpuOfRound(run: () => Promise<void>): Promise<number> {
  const before = await cpuSoFar()
  let left = runs
  const loop = async () => {
    while (left-- > 0) await run()
  }
  await Promise.all(Array.from({ length: atOnce }, loop))
  return ((await cpuSoFar()) - before) / runs
}

async function cpuSoFar(): Promise<number> {
  const { self = Number.NaN } = await cpuOf({ self: process.pid })
  return self
}

async function supervised(): Promise<void> {
  const stdoutFile = join(folder.path, `out-${number++}`)
  const bounds = { limitMs: LIMIT_MS, killAfterMs: 2_000, heartbeatTimeoutMs: 6_000 }
  const deadline = process.hrtime.bigint() + BigInt(LIMIT_MS) * 1_000_000n
  const ended = await runSupervised(
    { command, args, cwd: folder.path, env: {}, stdoutFile, stdoutBytesMax: 1_000, ...bounds },
    { signal: new AbortController().signal, deadline: () => deadline },
  )
  if (ended.code !== 0) throw new Error(`void: ${JSON.stringify(ended)}`)
}

async function bare(): Promise<void> {
  await execa(command, args, { timeout: LIMIT_MS })
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
