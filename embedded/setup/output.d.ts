/** One line for one part. */
export function say(part: string, text: string): void

/** Runs `work`; from two seconds on it shows that, and for how long, it is at it. */
export function withProgress<T>(part: string, text: string, work: () => Promise<T>): Promise<T>
