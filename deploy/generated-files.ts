import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { z } from 'zod'
import { installationValues } from '../services/provisioner/installation.ts'

const SCHEMA = path('charts/storewright/values.schema.json')

const valuesSchema = z.looseObject({ properties: z.record(z.string(), z.unknown()) })

/** What is made from code, by its path: a test compares it with what lies there, and `npm run charts` writes it. */
export async function generatedFiles(): Promise<Map<string, string>> {
  return new Map([[SCHEMA, await platformSchema()]])
}

/** The schema of the platform's values, with `stores` as the provisioner reads it. */
async function platformSchema(): Promise<string> {
  const { properties, ...rest } = valuesSchema.parse(JSON.parse(await readFile(SCHEMA, 'utf8')))
  const { $schema: _, ...stores } = z.toJSONSchema(installationValues, {
    target: 'draft-7',
    io: 'input',
  })
  const description = 'Generated from services/provisioner/installation.ts by npm run charts'
  const required = { ...stores, description, required: ['route'] }
  const schema = { ...rest, properties: { ...properties, stores: required } }
  const options = await resolveConfig(SCHEMA)
  return format(JSON.stringify(schema), { ...options, parser: 'json' })
}

function path(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url))
}
