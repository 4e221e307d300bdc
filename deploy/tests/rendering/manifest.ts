import { z } from 'zod'

const quantities = z.record(z.string(), z.union([z.string(), z.number()]).transform(String))

const containerSchema = z.looseObject({
  name: z.string(),
  image: z.string(),
  command: z.array(z.string()).optional(),
  args: z.array(z.string()).optional(),
  env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })).default([]),
  securityContext: z.looseObject({}).optional(),
  resources: z.object({ requests: quantities, limits: quantities }),
})

const podSpecSchema = z.looseObject({
  automountServiceAccountToken: z.boolean().optional(),
  securityContext: z.looseObject({}).optional(),
  initContainers: z.array(containerSchema).default([]),
  containers: z.array(containerSchema),
  volumes: z.array(z.looseObject({ name: z.string() })).default([]),
})

const podTemplateSchema = z.looseObject({
  metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }),
  spec: podSpecSchema,
})
export type PodTemplate = z.infer<typeof podTemplateSchema>

export const manifestSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  spec: z.looseObject({}).optional(),
})
export type Manifest = z.infer<typeof manifestSchema>

const workloadSchema = z.looseObject({ template: podTemplateSchema })
const cronSchema = z.looseObject({ jobTemplate: z.looseObject({ spec: workloadSchema }) })

/** The manifests of one kind. */
export function ofKind(manifests: Manifest[], kind: string): Manifest[] {
  return manifests.filter((manifest) => manifest.kind === kind)
}

/** The pod template of a workload, or a pod itself; undefined for any other kind of object. */
export function podTemplateOf({ kind, metadata, spec }: Manifest): PodTemplate | undefined {
  if (kind === 'Pod') return podTemplateSchema.parse({ metadata, spec })
  if (kind === 'CronJob') return cronSchema.parse(spec).jobTemplate.spec.template
  if (kind === 'Deployment' || kind === 'StatefulSet') return workloadSchema.parse(spec).template
  return undefined
}

/** Every container of a pod, those of its set-up included. */
export function containersOf({ spec }: PodTemplate) {
  return [...spec.initContainers, ...spec.containers]
}
