import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load } from 'js-yaml'
import { format, resolveConfig } from 'prettier'
import { z } from 'zod'
import { engines } from '#domain'
import { installationValues } from '../services/provisioner/installation.ts'
import { valuesReadme } from './values-readme.ts'

const SCHEMA = path('charts/storewright/values.schema.json')
const VALUES = path('charts/storewright/values.yaml')
const README = path('charts/storewright/README.md')
const COMPONENTS = path('charts/storewright/components.yaml')
const LIBRARY = path('charts/store-library')

const components = z.record(z.string(), z.looseObject({ settings: z.array(z.string()) }))
const valuesSchema = z.looseObject({ properties: z.record(z.string(), z.unknown()) })

/** What is made from code, by its path: a test compares it with what lies there, and `npm run charts` writes it. */
export async function generatedFiles(): Promise<Map<string, string>> {
  const schema = await platformSchema()
  const readme = await valuesReadme(
    JSON.parse(schema),
    load(await readFile(VALUES, 'utf8')),
    README,
  )
  return new Map([[SCHEMA, schema], [README, readme], ...(await libraryCopies())])
}

/** The library chart as each store chart holds it: a chart is complete, and its digest covers all it renders. */
async function libraryCopies(): Promise<[string, string][]> {
  const files = await filesIn(LIBRARY)
  const texts = await Promise.all(files.map((file) => readFile(join(LIBRARY, file), 'utf8')))
  return libraryFolders().flatMap((folder) =>
    files.map((file, index): [string, string] => [join(folder, file), texts[index] ?? '']),
  )
}

/** Where the store charts hold their copies of the library chart. */
export function libraryFolders(): string[] {
  return engines.map((engine) => path(`charts/${engine}/charts/store-library`))
}

/** The files below a folder, by their paths in it. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return files.map(({ parentPath, name }) => relative(folder, join(parentPath, name))).toSorted()
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

function path(below: string): string {
  return fileURLToPath(new URL(below, import.meta.url))
}
