import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toolPath } from '../../../embedded/tools.ts'

interface HelmRun {
  pid: number
  args: string[]
  /** Milliseconds since the epoch. */
  startedAt: number
}

/** Real helm (or another program) that leaves behind what it was asked, when, and what it said on standard error. */
export async function watchedHelm(
  { folder }: { folder: string },
  program: string = toolPath('helm'),
) {
  const executable = join(folder, 'watched-helm')
  const traces = join(folder, 'watched')
  // The shell becomes helm: what is frozen or killed by its pid is helm itself.
  const script = `#!/bin/sh
echo "$@" > ${traces}.$$.args
exec ${program} "$@" 2> ${traces}.$$.stderr
`
  await writeFile(executable, script)
  await chmod(executable, 0o755)
  const runOf = async (name: string): Promise<HelmRun> => {
    const file = join(folder, name)
    const args = (await readFile(file, 'utf8')).trim().split(' ')
    return { pid: Number(name.split('.')[1]), args, startedAt: (await stat(file)).mtimeMs }
  }
  return {
    executable,
    /** All runs of a command (on one release), in order. */
    runs: async (command: string, release?: string): Promise<HelmRun[]> => {
      const names = (await readdir(folder)).filter((name) => /^watched\.\d+\.args$/.test(name))
      const runs = await Promise.all(names.map(runOf))
      return runs
        .filter(({ args }) => args[0] === command)
        .filter(({ args }) => release === undefined || args.includes(release))
        .toSorted((a, b) => a.startedAt - b.startedAt)
    },
    stderrOf: (pid: number) => readFile(`${traces}.${pid}.stderr`, 'utf8'),
  }
}
