import { z } from 'zod'

const configModule = z.object({
  parseConfig: z.function({ input: [z.record(z.string(), z.string())], output: z.looseObject({}) }),
})

/** What a service makes of an environment; rejects with every problem the service finds in it. */
export async function parseWith(service: string, environment: Record<string, string>) {
  const file = new URL(`../../services/${service}/config.ts`, import.meta.url)
  const { parseConfig } = configModule.parse(await import(file.href))
  return parseConfig(environment)
}
