/** One line about one tool, or about the packages. */
export function say(name: string, text: string): void

/** Runs `work`; from two seconds on it shows that, and for how long, it is at it. */
export function withProgress<T>(name: string, text: string, work: () => Promise<T>): Promise<T>
