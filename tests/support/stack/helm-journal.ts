import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** One run of helm: what it was asked, and when it began and ended (milliseconds since 1970); no end for one that was killed. */
export interface JournaledRun {
  args: string
  startedAt: number
  endedAt?: number
  code?: number
}

/** The real helm behind a script that writes down every run, and takes a little longer so that runs are met in flight. */
export async function helmJournal(folder: string, realHelm: string) {
  const executable = join(folder, 'helm')
  const journal = join(folder, 'journal')
  const script = [
    '#!/bin/sh',
    `echo "start $$ $(date +%s%3N) $*" >> '${journal}'`,
    '[ "$1" = template ] && sleep 1.5',
    `'${realHelm}' "$@"`,
    'code=$?',
    `echo "end $$ $(date +%s%3N) $code" >> '${journal}'`,
    'exit $code',
  ]
  await writeFile(executable, `${script.join('\n')}\n`)
  await chmod(executable, 0o755)
  const all = async () => parse(await readFile(journal, 'utf8').catch(() => ''))
  return {
    executable,
    /** How many renderings have begun and not ended. */
    running: async (): Promise<number> =>
      (await all()).filter(({ args, endedAt }) => args.startsWith('template') && !endedAt).length,
    /** Every run for one release, in order. */
    runsOf: async (release: string): Promise<JournaledRun[]> => {
      const runs = await all()
      return runs.filter(({ args }) => args.split(' ').includes(release))
    },
  }
}

function parse(journal: string): JournaledRun[] {
  const runs: JournaledRun[] = []
  const open = new Map<string, JournaledRun>()
  for (const line of journal.split('\n')) {
    const [what, pid = '', at, ...rest] = line.split(' ')
    if (what === 'start') {
      const run = { args: rest.join(' '), startedAt: Number(at) }
      open.set(pid, run)
      runs.push(run)
    } else if (what === 'end') {
      Object.assign(open.get(pid) ?? {}, { endedAt: Number(at), code: Number(rest[0]) })
    }
  }
  return runs
}

/** Runs of one release that began while an earlier one had not ended. */
export function overlapping(runs: JournaledRun[]): JournaledRun[] {
  return runs.filter((run, index) =>
    runs.slice(0, index).some(({ endedAt }) => endedAt !== undefined && run.startedAt < endedAt),
  )
}
