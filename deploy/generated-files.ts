import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { load } from 'js-yaml'
import { format, resolveConfig } from 'prettier'
import { z } from 'zod'
import { installationValues } from '../services/provisioner/installation.ts'

const SCHEMA = path('charts/storewright/values.schema.json')
const COMPONENTS = path('charts/storewright/components.yaml')

const components = z.record(z.string(), z.looseObject({ settings: z.array(z.string()) }))
const valuesSchema = z.looseObject({ properties: z.record(z.string(), z.unknown()) })

/** What is made from code, by its path: a test compares it with what lies there, and `npm run charts` writes it. */
export async function generatedFiles(): Promise<Map<string, string>> {
  return new Map([[SCHEMA, await platformSchema()]])
}

/** The schema of the platform's values, with `stores` as the provisioner reads it and `settings` as the services have them. */
async function platformSchema(): Promise<string> {
  const { properties, ...rest } = valuesSchema.parse(JSON.parse(await readFile(SCHEMA, 'utf8')))
  const { $schema: _, ...stores } = z.toJSONSchema(installationValues, {
    target: 'draft-7',
    io: 'input',
  })
  const description = 'Generated from services/provisioner/installation.ts by npm run charts'
  const required = { ...stores, description, required: ['route'] }
  const schema = {
    ...rest,
    properties: { ...properties, settings: await settingsSchema(), stores: required },
  }
  const options = await resolveConfig(SCHEMA)
  return format(JSON.stringify(schema), { ...options, parser: 'json' })
}

async function settingsSchema() {
  const services = Object.values(components.parse(load(await readFile(COMPONENTS, 'utf8'))))
  const names = [...new Set(services.flatMap(({ settings }) => settings))].toSorted()
  return {
    description:
      'Settings of the services by their names in .env.example; generated from components.yaml by npm run charts',
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(names.map((name) => [name, { type: ['string', 'integer'] }])),
  }
}

function path(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url))
}
