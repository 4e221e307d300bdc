import {
  makeInformer,
  type Informer,
  type KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
  type ObjectCache,
} from '@kubernetes/client-node'

const AGAIN_AFTER_MS = 500

interface Watched<T extends KubernetesObject> {
  path: string
  list: () => Promise<KubernetesListObject<T>>
  /** Called after each change, and with what was there at first. */
  changed: (object: T) => void
}

export interface Kept<T extends KubernetesObject> {
  cache: ObjectCache<T>
  stop: () => Promise<void>
}

/** Keeps a copy of all objects of a kind, as they are now; a connection that breaks is made again. */
export async function keep<T extends KubernetesObject>(
  config: KubeConfig,
  { path, list, changed }: Watched<T>,
): Promise<Kept<T>> {
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
