import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadAll } from 'js-yaml'
import { manifestSchema, type Manifest } from './manifest.ts'
import { runHelm } from './run-helm.ts'

/** The oldest Kubernetes the charts take; a helm built without its release flags would assume an older one. */
const KUBE_VERSION = ['--kube-version', '1.30.0']

/** Folder of a chart, plan file or image below deploy/. */
export function deployPath(...parts: string[]): string {
  return join(fileURLToPath(new URL('../..', import.meta.url)), ...parts)
}

/** Renders a chart with real helm; rejects with helm's own message when helm refuses the values. */
export async function renderChart(chart: string, values: unknown): Promise<Manifest[]> {
  return parseManifests(await renderText(chart, values))
}

/** What `helm template` prints, unparsed. */
export async function renderText(chart: string, values: unknown): Promise<string> {
  const args = [
    'template',
    's-example',
    deployPath('charts', chart),
    '--namespace',
    's-example',
    ...KUBE_VERSION,
  ]
  return runHelm({ args, values })
}

/** Runs `helm lint --strict`; rejects with the findings. */
export async function lintChart(chart: string, values: unknown): Promise<string> {
  return runHelm({
    args: ['lint', '--strict', ...KUBE_VERSION, deployPath('charts', chart)],
    values,
  })
}

function parseManifests(text: string): Manifest[] {
  return loadAll(text)
    .filter((document) => document !== null)
    .map((document) => manifestSchema.parse(document))
}
