import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const example = fileURLToPath(new URL('../../../.env.example', import.meta.url))
// Which programs are used, and where they come from, is as true for tests.
const KEPT = /_BIN$|^STOREWRIGHT_MIRROR$/

/** Takes a shell's settings of Storewright out of `env`: they name a system that no test has started. */
export function forgetSettings(env: NodeJS.ProcessEnv): void {
  for (const [, name = ''] of readFileSync(example, 'utf8').matchAll(/^([A-Z][A-Z0-9_]*)=/gm))
    if (!KEPT.test(name)) delete env[name]
}
