export interface HeldLock {
  release: () => void
}

/** Takes the lock `path`, or tells the pid of its holder; what a dead process left is no lock. */
export function takeLock(path: string): HeldLock | { holder: number }

/** Says that this process uses what the lock protects, beside others that do; who takes the lock is refused. */
export function shareLock(path: string): HeldLock

/** The pid of a process that holds or shares the lock. */
export function holderOf(path: string): number | undefined

/** Who a process is: its pid and when it started. Empty for one that has ended. */
export function identityOf(pid: number): string
