/** Runs `work` while no other set-up holds `path`; the lock of a dead one is taken over. */
export function withLock<T>(path: string, name: string, work: () => Promise<T>): Promise<T>
