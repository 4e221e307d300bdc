/** Runs a command to its exit code; what it throws is one sentence on standard error, and 2. */
export async function exitCodeOf(work: () => Promise<number>): Promise<number> {
  try {
    return await work()
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 2
  }
}
