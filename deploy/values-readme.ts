import { format, resolveConfig } from 'prettier'
import { z } from 'zod'

/** What this needs of a JSON Schema. */
interface Schema {
  description?: string | undefined
  properties?: Record<string, Schema> | undefined
  $ref?: string | undefined
}
const schemaOf: z.ZodType<Schema> = z.lazy(() =>
  z.looseObject({
    description: z.string().optional(),
    properties: z.record(z.string(), schemaOf).optional(),
    $ref: z.string().optional(),
  }),
)
const chartSchema = z.looseObject({
  properties: z.record(z.string(), schemaOf),
  definitions: z.record(z.string(), schemaOf),
  required: z.array(z.string()),
})

/** Rows that stand for all below them, because those are services, pods or one shape after another. */
const whole = [
  'settings',
  'stores',
  'pods',
  'replicas',
  'route',
  'network.eventStore',
  'network.nats',
  'network.database',
]
const elsewhere: Record<string, string> = {
  stores:
    'What all stores have in common: [docs/deployment.md](../../../docs/deployment.md#what-all-stores-have-in-common)',
  settings:
    'Settings of the services by their names in `.env.example`; each service that knows one gets it',
}

/** README.md of the platform's chart: every value that it takes, what it is for and its default. */
export async function valuesReadme(schema: unknown, defaults: unknown, file: string) {
  const { properties, definitions, required } = chartSchema.parse(schema)
  const resolved = ({ $ref, ...own }: Schema): Schema => ({
    ...definitions[$ref?.split('/').at(-1) ?? ''],
    ...own,
  })
  const rows = (schemas: Record<string, Schema>, prefix: string): string[] =>
    Object.entries(schemas).flatMap(([key, given]) => {
      const name = `${prefix}${key}`
      const { description, properties: own } = resolved(given)
      const isWhole = own === undefined || whole.includes(name)
      if (!isWhole) return rows(own, `${name}.`)
      const text = elsewhere[name] ?? description
      if (text === undefined) throw new Error(`values.schema.json does not describe ${name}`)
      const value = JSON.stringify(at(defaults, name))
      const fallback = value === undefined ? '' : `\`${value}\``
      const cells = [`\`${name}\``, text, required.includes(key) ? 'required' : fallback]
      return [`| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`]
    })
  const page = `# Storewright on Kubernetes

The services of Storewright, their rights and their network policies. [docs/deployment.md](../../../docs/deployment.md)
describes what has to be there before, and how to install it.

Every value; \`npm run charts\` writes this page from \`values.schema.json\` and \`values.yaml\`:

| value | what | default |
| --- | --- | --- |
${rows(properties, '').join('\n')}
`
  return format(page, { ...(await resolveConfig(file)), parser: 'markdown' })
}

function at(values: unknown, name: string): unknown {
  return name
    .split('.')
    .reduce<unknown>((value, key) => z.looseObject({}).safeParse(value).data?.[key], values)
}
