import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What every container of every simulated pod has logged from now on; returns the file's path. */
export async function writePodLog(folder: string, lines: string[]): Promise<string> {
  const path = join(folder, 'pods.log')
  const now = new Date().toISOString()
  // The form in which a container runtime keeps a log.
  await writeFile(path, lines.map((line) => `${now} stdout F ${line}\n`).join(''))
  return path
}
