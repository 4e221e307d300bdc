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

const AGAIN_AFTER_MS = 500
const listed = z.object({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  items: z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) })),
})

interface Watched<T extends KubernetesObject> {
  /** Of the list of all of them. */
  path: string
  api: Api
  /** Called after each change, and with what was there at first. */
  changed: (object: T) => void
}

export interface Kept<T extends KubernetesObject> {
  cache: ObjectCache<T>
  stop: () => Promise<void>
}

/** Keeps a copy of all objects of a kind, as the API sends them; a connection that breaks is made again. */
export async function keep<T extends KubernetesObject>(
  config: KubeConfig,
  { path, api, changed }: Watched<T>,
): Promise<Kept<T>> {
  // Not the library's own lists: those have other names for some fields than what is watched has.
  const ours = z.custom<KubernetesListObject<T>>((body) => listed.safeParse(body).success)
  const list = async () => {
    const { status, body } = await api(path)
    if (status !== 200) throw new Error(`${path} was answered with ${status}`)
    return ours.parse(body)
  }
  const informer: Informer<T> & ObjectCache<T> = makeInformer(config, path, list)
  let again: NodeJS.Timeout | undefined
  let isStopped = false
  informer.on('change', changed)
  informer.on('error', () => {
    if (!isStopped) again = setTimeout(() => void informer.start(), AGAIN_AFTER_MS)
  })
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
