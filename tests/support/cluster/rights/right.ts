import { z } from 'zod'

/** One verb on one resource, as a ClusterRole grants it. */
export interface Right {
  role: string
  group: string
  resource: string
  verb: string
  /** Only objects of this name. */
  name?: string
}

const rule = z.object({
  apiGroups: z.array(z.string()),
  resources: z.array(z.string()),
  verbs: z.array(z.string()),
  resourceNames: z.array(z.string()).default([]),
})
const clusterRole = z.object({ metadata: z.object({ name: z.string() }), rules: z.array(rule) })

/** Every single right a ClusterRole grants. */
export function rightsOf(content: unknown): Right[] {
  const { metadata, rules } = clusterRole.parse(content)
  return rules.flatMap(({ apiGroups, resources, verbs, resourceNames }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.flatMap((verb): Right[] => {
          const right = { role: metadata.name, group, resource, verb }
          return resourceNames.length === 0
            ? [right]
            : resourceNames.map((name) => ({ ...right, name }))
        }),
      ),
    ),
  )
}

/** The rules of a ClusterRole that grants these rights and no other. */
export function rulesOf(rights: Right[]): object[] {
  return rights.map(({ group, resource, verb, name }) => ({
    apiGroups: [group],
    resources: [resource],
    verbs: [verb],
    ...(name !== undefined && { resourceNames: [name] }),
  }))
}

export interface Sent {
  method: string
  path: string
  body?: object | undefined
  status: number
}

const binding = z.object({ roleRef: z.object({ name: z.string() }) })

/** True when the API server takes that request only from somebody who has the right. */
export function isNeededBy({ group, resource, verb, name }: Right, sent: Sent): boolean {
  const asked = askedBy(sent.path)
  // To bind a role takes the right to that too.
  if (verb === 'bind') {
    const { data } = binding.safeParse(sent.body)
    return asked.resource === 'rolebindings' && data?.roleRef.name === name && makes(sent)
  }
  if (asked.group !== group || asked.resource !== resource) return false
  return verbsOf(sent, asked.name).includes(verb)
}

/** True when an object came of it. */
export const makes = ({ status }: Sent): boolean => status === 201

function verbsOf(sent: Sent, name: string | undefined): string[] {
  switch (sent.method) {
    case 'GET':
      return [name === undefined ? 'list' : 'get']
    case 'POST':
      return ['create']
    case 'PATCH':
      // An object that was applied and not there yet.
      return makes(sent) ? ['patch', 'create'] : ['patch']
    default:
      return [sent.method.toLowerCase()]
  }
}

/** `/api/v1/namespaces/x/pods/y/log` is the resource `pods/log` of the name y. */
function askedBy(path: string) {
  const [root, ...rest] = path.slice(1).split('/')
  const group = root === 'api' ? '' : rest.shift()
  const [, ...parts] = rest
  const inNamespace = parts[0] === 'namespaces' && parts.length > 2 ? parts.slice(2) : parts
  const [kind = '', name, part] = inNamespace
  return { group, name, resource: part === undefined ? kind : `${kind}/${part}` }
}
