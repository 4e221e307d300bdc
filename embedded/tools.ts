import { readFileSync } from 'node:fs'
import { z } from 'zod'

const tools = z.object({ 'nats-server': z.string(), helm: z.string() })
const foundBySetup = new URL('../node_modules/.cache/storewright/tools.json', import.meta.url)

/** The program the set-up step found or built; before a set-up, the one on PATH. */
export function toolPath(name: keyof z.output<typeof tools>): string {
  try {
    return tools.parse(JSON.parse(readFileSync(foundBySetup, 'utf8')))[name]
  } catch {
    return name
  }
}
