import {
  type Informer,
  type KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
  makeInformer,
  type ObjectCache,
} from '@kubernetes/client-node'
import { z } from 'zod'
import type { Api } from '../control-plane/api-client.ts'

const CONNECT_AGAIN_AFTER_MS = 500
const listed = z.object({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  items: z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) })),
})

interface Watched<T extends KubernetesObject> {
  /** Path of the list of all of them. */
  path: string
  api: Api
  /** Called for each object at first, and after each change. */
  changed: (object: T) => void
}

interface Informed<T extends KubernetesObject> {
  cache: ObjectCache<T>
  stop: () => Promise<void>
}

/** Keeps a local copy of all objects of a kind, as the API sends them; connects again when the watch breaks. */
export async function watchObjects<T extends KubernetesObject>(
  config: KubeConfig,
  { path, api, changed }: Watched<T>,
): Promise<Informed<T>> {
  // Not the library's own list calls: they rename some fields, and a watch does not.
  const ours = z.custom<KubernetesListObject<T>>((body) => listed.safeParse(body).success)
  const list = async () => {
    const { status, body } = await api(path)
    if (status !== 200) throw new Error(`${path} was answered with ${status}`)
    return ours.parse(body)
  }
  const informer: Informer<T> & ObjectCache<T> = makeInformer(config, path, list)
  let again: NodeJS.Timeout | undefined
  let isStopped = false
  // A start can also reject without an event; unhandled, that would end the whole cluster.
  const restart = () => {
    clearTimeout(again)
    if (!isStopped)
      again = setTimeout(() => void informer.start().catch(restart), CONNECT_AGAIN_AFTER_MS)
  }
  informer.on('change', changed)
  informer.on('error', restart)
  await informer.start()
  return {
    cache: informer,
    stop: async () => {
      isStopped = true
      clearTimeout(again)
      await informer.stop()
    },
  }
}

const AGAIN_AFTER_MS = 1_000

interface Work {
  /** Brings everything to the wanted state; idempotent. */
  work: () => Promise<void>
  /** What the work is about, for the log: plural. */
  about: string
  log: (line: string) => void
}

interface ReconcileLoop {
  /** Resolves when a run that began after this call has succeeded; rejects when that run fails. */
  now: () => Promise<void>
  /** The same in the background: a failure is logged and tried again. */
  soon: () => void
  stop: () => void
}

/** Runs the work one run at a time, each time somebody asks for it. */
export function reconcileLoop({ work, about, log }: Work): ReconcileLoop {
  const now = coalesce(work)
  let again: NodeJS.Timeout | undefined
  let isStopped = false
  const soon = () => {
    now().catch((error: unknown) => {
      if (isStopped || again !== undefined) return
      log(`reconciling ${about} failed: ${String(error)}`)
      again = setTimeout(() => {
        again = undefined
        soon()
      }, AGAIN_AFTER_MS)
    })
  }
  const stop = () => {
    isStopped = true
    clearTimeout(again)
  }
  return { now, soon, stop }
}

/**
 * Runs `work` one at a time; a call resolves after a run that began after it. Calls during a run
 * share the next one. A run that fails rejects the calls that waited for it.
 */
export function coalesce(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  const run = () => {
    next = undefined
    running = work().finally(() => (running = undefined))
    return running
  }
  return () => {
    if (next !== undefined) return next
    if (running === undefined) return run()
    next = running.then(run, run)
    return next
  }
}
