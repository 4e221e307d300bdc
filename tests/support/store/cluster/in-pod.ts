import { Writable } from 'node:stream'
import { Exec, KubeConfig, type V1Status } from '@kubernetes/client-node'

const TIMEOUT_MS = 60_000

interface PodContainer {
  namespace: string
  pod: string
  container: string
}

/** Runs a command in a container as `kubectl exec` does; resolves to what it said, throws unless it ended with 0. */
export async function inPod(
  kubeconfig: string,
  target: PodContainer,
  command: string[],
): Promise<string> {
  const { namespace, pod, container } = target
  const credentials = new KubeConfig()
  credentials.loadFromFile(kubeconfig)
  const stdout = sink()
  const stderr = sink()
  const where = `${namespace}/${pod}`
  const status = await new Promise<V1Status>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${where}: no end in time`)), TIMEOUT_MS)
    const settled = (ended: V1Status) => {
      clearTimeout(late)
      resolve(ended)
    }
    new Exec(credentials)
      .exec(namespace, pod, container, command, stdout, stderr, null, false, settled)
      .catch((error: unknown) => {
        clearTimeout(late)
        reject(error instanceof Error ? error : new Error(`${where}: ${String(error)}`))
      })
  })
  if (status.status === 'Success') return stdout.text().trim()
  throw new Error(`${where}: ${status.message}: ${stderr.text() || stdout.text()}`)
}

function sink() {
  let text = ''
  const writable = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString('utf8')
      done()
    },
  })
  return Object.assign(writable, { text: () => text })
}
