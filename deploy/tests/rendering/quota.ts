import { readFile } from 'node:fs/promises'
import { load } from 'js-yaml'
import { z } from 'zod'
import { ofKind, podTemplateOf, type Manifest, type PodTemplate } from './manifest.ts'
import { quantity } from './quantity.ts'
import { deployPath } from './render-chart.ts'
import type { Engine, Plan } from './store-values.ts'

const amounts = z.record(z.string(), z.union([z.string(), z.number()]).transform(String))
const limits = z.array(
  z.object({ type: z.string(), default: amounts, defaultRequest: amounts, max: amounts }).partial(),
)
const planSchema = z.record(
  z.string(),
  z.strictObject({
    resourceQuota: z.strictObject({ hard: amounts }),
    limitRange: z.strictObject({ limits }),
  }),
)

/** Quota and limits of an engine's namespace, as the plan files say. */
export async function namespaceLimits(engine: Engine, plan: Plan) {
  const file = await readFile(deployPath('plans', `${plan}.yaml`), 'utf8')
  const limitsOfEngine = planSchema.parse(load(file))[engine]
  if (limitsOfEngine === undefined) throw new Error(`${plan} says nothing about ${engine}`)
  return limitsOfEngine
}

/** What the pods of a release ask for at most, with `extra` pods of each Deployment for a roll-out. */
export function podDemand(manifests: Manifest[], extra: number): Record<string, number> {
  const demand = { pods: 0, 'requests.cpu': 0, 'requests.memory': 0, 'limits.memory': 0 }
  for (const manifest of manifests) {
    const template = podTemplateOf(manifest)
    if (template === undefined) continue
    const count = podsAtMost(manifest, manifests) + (manifest.kind === 'Deployment' ? extra : 0)
    demand.pods += count
    demand['requests.cpu'] += count * perPod(template, 'requests', 'cpu')
    demand['requests.memory'] += count * perPod(template, 'requests', 'memory')
    demand['limits.memory'] += count * perPod(template, 'limits', 'memory')
  }
  return demand
}

function podsAtMost({ kind, spec, metadata }: Manifest, manifests: Manifest[]): number {
  // A finished run may still be ending when the next one starts.
  if (kind === 'CronJob') return 2
  const scaler = ofKind(manifests, 'HorizontalPodAutoscaler').find(
    (each) => each.metadata.name === metadata.name,
  )
  return Number(scaler?.spec?.['maxReplicas'] ?? spec?.['replicas'] ?? 1)
}

/** Kubernetes counts the larger of the largest set-up container and the sum of the others. */
function perPod({ spec }: PodTemplate, side: 'requests' | 'limits', resource: string): number {
  const of = (container: (typeof spec.containers)[number]) =>
    quantity(container.resources[side][resource] ?? '0')
  const running = spec.containers.reduce((sum, container) => sum + of(container), 0)
  return Math.max(running, ...spec.initContainers.map(of))
}
