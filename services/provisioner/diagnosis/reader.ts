import { z } from 'zod'
import { printable } from '../redact.ts'

/** What a diagnosis needs of a Kubernetes client. */
export interface ReadOnlyClient {
  /** The body of a GET: parsed where it is JSON, else text. Rejects for any status but 200. */
  get: (path: string, signal: AbortSignal) => Promise<unknown>
}

export interface Reader {
  /** The namespace's objects of one kind, such as `apis/apps/v1 deployments`; none where they cannot be read. */
  list: <T>(kind: string, schema: z.ZodType<T>, query?: string) => Promise<T[]>
  get: (path: string) => Promise<unknown>
  /** What could not be read so far, and why. */
  gaps: string[]
}

const OBJECTS_MAX = 500
const REASON_CHARACTERS_MAX = 200

/** Reads a namespace kind by kind: what cannot be read becomes a gap, never an error. */
export function openReader(client: ReadOnlyClient, namespace: string, signal: AbortSignal): Reader {
  const gaps: string[] = []
  return {
    gaps,
    get: (path) => client.get(path, signal),
    list: async (kind, schema, query = '') => {
      const [api, resource] = kind.split(' ')
      const path = `/${api}/namespaces/${namespace}/${resource}?limit=${OBJECTS_MAX}${query}`
      try {
        return z.object({ items: z.array(schema) }).parse(await client.get(path, signal)).items
      } catch (error) {
        gaps.push(`${resource} (${whyOf(error)})`)
        return []
      }
    },
  }
}

function whyOf(error: unknown): string {
  if (error instanceof z.ZodError) return 'they look like nothing known'
  return printable(error instanceof Error ? error.message : String(error), REASON_CHARACTERS_MAX)
}
