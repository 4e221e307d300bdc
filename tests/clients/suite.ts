/** The tests of one client against our event store. */
export interface ClientSuite {
  name: string
  /** Why the tests are skipped that its package has and this server cannot pass. */
  whySkipped?: string
  /** What this machine has not; empty where the suite can be made and run. */
  lacking: () => Promise<string[]>
  /** Whether all it needs is there: nothing would be fetched or built. */
  isWarm: () => Promise<boolean>
  /** Fetches and builds what is not there, and runs it. Throws where it cannot. */
  run: () => Promise<Counts>
}

export interface Counts {
  passed: number
  /** Names. */
  failed: string[]
  skipped: number
}

const FOREVER_MS = 20 * 60_000

/** How programs are run here: what a suite writes is shown, and nothing lasts for ever. */
export const programOptions = {
  reject: false,
  stdin: 'ignore',
  stdout: ['pipe', 'inherit'],
  stderr: ['pipe', 'inherit'],
  timeout: FOREVER_MS,
  killSignal: 'SIGKILL',
  maxBuffer: 50_000_000,
} as const

/** The sum of a suite whose program ended before it could count. */
export function endedEarly(why: string): Counts {
  return { passed: 0, failed: [why], skipped: 0 }
}
