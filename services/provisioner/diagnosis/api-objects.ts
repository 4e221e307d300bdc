import { z } from 'zod'

/** The parts of Kubernetes objects that are read; a field the server leaves out has its empty value. */
const text = z.string().default('')
const count = z.int().default(0)
const owner = z.object({ kind: z.string(), name: z.string(), controller: z.boolean().optional() })

const metadata = z.object({
  name: z.string(),
  uid: text,
  creationTimestamp: text,
  deletionTimestamp: z.string().optional(),
  ownerReferences: z.array(owner).default([]),
})

const condition = z.object({ type: z.string(), status: text, reason: text, message: text })
const conditions = z.array(condition).default([])

const ended = z.object({ exitCode: z.int(), reason: text, message: text })
const state = z.object({
  waiting: z.object({ reason: text, message: text }).optional(),
  running: z.object({}).optional(),
  terminated: ended.optional(),
})
const containerStatus = z.object({
  name: z.string(),
  image: text,
  restartCount: count,
  state: state.default({}),
  lastState: state.default({}),
})
const containerStatuses = z.array(containerStatus).default([])

export const pod = z.object({
  metadata,
  status: z
    .object({
      phase: text,
      conditions,
      initContainerStatuses: containerStatuses,
      containerStatuses,
    })
    .prefault({}),
})

export const workload = z.object({
  metadata,
  spec: z.object({ replicas: z.int().default(1) }).prefault({}),
  status: z.object({ replicas: count, readyReplicas: count, conditions }).prefault({}),
})

export const pvc = z.object({ metadata, status: z.object({ phase: text }).prefault({}) })
export const job = z.object({ metadata, status: z.object({ conditions }).prefault({}) })

const amounts = z.record(z.string(), z.string()).default({})
export const quota = z.object({
  metadata,
  status: z.object({ hard: amounts, used: amounts }).prefault({}),
})

export const event = z.object({
  metadata,
  involvedObject: z.object({ kind: text, name: text, uid: text }),
  type: text,
  reason: text,
  message: text,
  lastTimestamp: z.string().nullable().default(null),
  eventTime: z.string().nullable().default(null),
  series: z.object({ lastObservedTime: text }).nullish(),
})

export const secret = z.object({ data: z.record(z.string(), z.string()).default({}) })

export type Pod = z.output<typeof pod>
export type ContainerStatus = z.output<typeof containerStatus>

export type Workload = z.output<typeof workload>
export type Event = z.output<typeof event>
