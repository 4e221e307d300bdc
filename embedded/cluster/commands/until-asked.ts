/** Settles when this process is asked to end: Ctrl-C, SIGTERM, a closed terminal. */
export function untilAsked(): Promise<undefined> {
  return new Promise((settle) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => settle(undefined))
  })
}
