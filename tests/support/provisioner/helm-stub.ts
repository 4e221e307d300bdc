import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const program = fileURLToPath(new URL('../helm-stub/helm', import.meta.url))

/** How one run of the stub behaves; see tests/support/helm-stub/run-stub.js. */
export interface Behaviour {
  waitMs?: number
  hang?: boolean
  ignoreTerm?: boolean
  grandchild?: boolean
  stdoutBytes?: number
  stderr?: string
  exitCode?: number
  dieAfterCreate?: boolean
}

interface Script {
  version?: string
  runs?: Behaviour[]
  otherwise?: Behaviour
}

const run = z.object({
  number: z.int(),
  pid: z.int(),
  args: z.array(z.string()),
  /** Milliseconds of the machine's monotonic clock. */
  startedAt: z.number(),
  aliveAt: z.number(),
  terminatedAt: z.number().optional(),
  endedAt: z.number().optional(),
  code: z.int().optional(),
})
export type HelmRun = z.output<typeof run>

/** The scripted helm in a folder of its own, with its journal. */
export async function helmStub(folder: string, script: Script = {}) {
  await mkdir(folder, { recursive: true })
  const executable = join(folder, 'helm')
  await symlink(program, executable)
  const setScript = (next: Script) => writeFile(join(folder, 'script.json'), JSON.stringify(next))
  await setScript(script)
  const runs = async (): Promise<HelmRun[]> => {
    const names = await readdir(join(folder, 'runs')).catch(() => [])
    const files = names.filter((name) => /^\d+\.json$/.test(name))
    const entries = files.map((name) => readFile(join(folder, 'runs', name), 'utf8'))
    const parsed = (await Promise.all(entries)).map((text) => run.parse(JSON.parse(text)))
    return parsed.toSorted((a, b) => a.startedAt - b.startedAt)
  }
  return {
    executable,
    setScript,
    /** Every run that was started, in order. */
    runs,
    /** The runs for one release. */
    runsOf: async (release: string) => (await runs()).filter(({ args }) => args.includes(release)),
  }
}

/** Pairs of runs on one release that were alive at the same time. */
export function overlaps(runs: HelmRun[]): [HelmRun, HelmRun][] {
  return runs.flatMap((first, index) =>
    runs
      .slice(index + 1)
      .filter(({ startedAt }) => startedAt < (first.endedAt ?? first.aliveAt))
      .map((second): [HelmRun, HelmRun] => [first, second]),
  )
}
