import { execa } from 'execa'

const TIMEOUT_MS = 30_000

interface RunOptions {
  input?: string
  env?: Record<string, string>
  timeoutMs?: number
}

/** Runs a program without a shell to its end; resolves to its output, rejects with what it said. */
export async function run(
  [command = '', ...args]: string[],
  { input = '', env = {}, timeoutMs = TIMEOUT_MS }: RunOptions = {},
): Promise<string> {
  const { stdout } = await execa(command, args, { input, env, timeout: timeoutMs })
  return stdout
}
