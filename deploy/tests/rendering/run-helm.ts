import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { toolPath } from '../../../embedded/tools.ts'

const HELM = toolPath('helm')
const TIMEOUT_MS = 150_000

interface HelmRun {
  args: string[]
  values?: unknown
  /** Without one helm finds no cluster. */
  kubeconfig?: string
}

/** Runs real helm; resolves with all it said, rejects with helm's own message. */
export async function runHelm({
  args,
  values,
  kubeconfig = '/dev/null',
}: HelmRun): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'storewright-chart-'))
  try {
    const file = join(folder, 'values.json')
    await writeFile(file, JSON.stringify(values ?? {}))
    const withValues = values === undefined ? args : [...args, '--values', file]
    const env = { KUBECONFIG: kubeconfig }
    const { stdout, stderr } = await execa(HELM, withValues, { env, timeout: TIMEOUT_MS })
    return [stdout, stderr].filter((text) => text !== '').join('\n')
  } finally {
    await rm(folder, { recursive: true })
  }
}
