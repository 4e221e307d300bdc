import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { AppError, type StepDetail } from '#domain'
import type { Route } from '../../../installation.ts'
import type { Target } from '../../../reconcile/driver.ts'
import { type ObjectName, readObject } from '../api/objects.ts'
import type { Cluster } from '../context.ts'

const POLL_EVERY_MS = 1_000

/** What a route leads customers by, or what it lacks. */
type Seen = { detail: StepDetail } | { lacks: string }

/**
 * Settles when the store's route stands, with what it is; undefined for a store without one.
 *
 * A Gateway says of an HTTPRoute whether it is accepted, so that is waited for. Nobody says so of an Ingress: it has
 * to exist. Its address is no proof either, since many controllers never write one; where the class does, the
 * installation can ask for it. Throws ROUTE_NOT_ACCEPTED.
 */
export async function awaitRoute(
  cluster: Cluster,
  target: Target,
  signal: AbortSignal,
): Promise<StepDetail | undefined> {
  const { route } = target.values
  if (route.kind === 'none' || route.kind === 'external') return undefined
  const look = () =>
    cluster.withNamespaceAccess(target, () =>
      route.kind === 'ingress' ? seeIngress(cluster, target, route) : seeHttpRoute(cluster, target),
    )
  for (const giveUpAt = performance.now() + cluster.routeLimitMs; ;) {
    const seen = await look()
    if ('detail' in seen) return seen.detail
    if (performance.now() > giveUpAt)
      throw new AppError('ROUTE_NOT_ACCEPTED', seen.lacks, { retryable: true })
    await wait(Math.min(POLL_EVERY_MS, cluster.routeLimitMs), undefined, { signal })
  }
}

const ingress = z.object({
  status: z.object({
    loadBalancer: z
      .object({
        ingress: z
          .array(z.object({ ip: z.string().optional(), hostname: z.string().optional() }))
          .default([]),
      })
      .default({ ingress: [] }),
  }),
})

async function seeIngress(
  { api }: Cluster,
  target: Target,
  { waitForAddress = false }: Extract<Route, { kind: 'ingress' }>,
): Promise<Seen> {
  const object = nameOf('Ingress', target)
  const found = await readObject(api, object, ingress)
  if (found === undefined) return missing(object)
  const addresses = found.status.loadBalancer.ingress.map(({ ip, hostname }) => ip ?? hostname)
  const address = addresses.filter((each) => each !== undefined).join(', ')
  if (waitForAddress && address === '')
    return { lacks: `Ingress/${object.name}: no controller has given it an address` }
  return { detail: { route: `Ingress/${object.name}`, ...(address !== '' && { address }) } }
}

const parentRef = z.object({
  name: z.string(),
  namespace: z.string().optional(),
  sectionName: z.string().optional(),
})
type ParentRef = z.output<typeof parentRef>
const condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().default(''),
  message: z.string().default(''),
  observedGeneration: z.number().optional(),
})
const parent = z.object({ parentRef, conditions: z.array(condition).default([]) })
type Parent = z.output<typeof parent>
const httpRoute = z.object({
  metadata: z.object({ generation: z.number() }),
  spec: z.object({ parentRefs: z.array(parentRef).default([]) }),
  status: z.object({ parents: z.array(parent).default([]) }).default({ parents: [] }),
})

async function seeHttpRoute({ api }: Cluster, target: Target): Promise<Seen> {
  const object = nameOf('HTTPRoute', target)
  const found = await readObject(api, object, httpRoute)
  if (found === undefined) return missing(object)
  const { metadata, spec, status } = found
  const { generation } = metadata
  const lacking = spec.parentRefs.flatMap((wanted) => {
    const said = status.parents.filter((each) => isSame(each.parentRef, wanted, object))
    const accepted = said.some((each) => problemOf(each, generation) === undefined)
    if (accepted) return []
    const problems = said.map((each) => problemOf(each, generation))
    const silent = 'no controller of a Gateway has answered'
    return `${nameOfParent(wanted)}: ${problems.join('; ') || silent}`
  })
  if (lacking.length > 0)
    return { lacks: `HTTPRoute/${object.name} is not accepted: ${lacking.join('; ')}` }
  const parents = spec.parentRefs.map(nameOfParent).join(', ')
  return { detail: { route: `HTTPRoute/${object.name}`, parents } }
}

/** Why a parent does not serve this generation of the route; undefined when it does. */
function problemOf({ conditions }: Parent, generation: number): string | undefined {
  const current = conditions.filter(
    ({ observedGeneration = generation }) => observedGeneration >= generation,
  )
  const accepted = current.find(({ type }) => type === 'Accepted')
  if (accepted === undefined) return 'its newest version has not been looked at'
  const failed = [accepted, ...current.filter(({ type }) => type === 'ResolvedRefs')]
  const no = failed.find(({ status }) => status !== 'True')
  return no && `${no.type} ${no.status}, ${no.reason}: ${no.message}`
}

function isSame(a: ParentRef, b: ParentRef, { namespace }: ObjectName): boolean {
  return (
    a.name === b.name &&
    (a.namespace ?? namespace) === (b.namespace ?? namespace) &&
    a.sectionName === b.sectionName
  )
}

const nameOfParent = ({ name, namespace, sectionName }: ParentRef): string =>
  [namespace, name, sectionName].filter((part) => part !== undefined).join('/')

const missing = ({ kind, name }: ObjectName): Seen => ({ lacks: `There is no ${kind} ${name}` })

function nameOf(kind: 'Ingress' | 'HTTPRoute', { release }: Target): ObjectName {
  return { kind, namespace: release, name: `${release}-server` }
}
