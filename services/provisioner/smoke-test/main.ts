import { readFile } from 'node:fs/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import { z } from 'zod'
import { type Engine, engines } from '#domain'
import { engineRegistry } from '../engines/registry.ts'
import { placeOrder } from './smoke-test.ts'

const options = z.object({
  engine: z.enum(engines),
  url: z.string(),
  host: z.string().optional(),
  publishableKey: z.string().optional(),
  limit: z.number(),
})

/** Places a test order in any running shop: `npm run smoke-test -- --engine woocommerce --url …`. */
const program = new Command('smoke-test')
  .description('Places one test order in a shop through its HTTP API, as a customer would')
  .addOption(
    new Option('--engine <engine>', 'what the shop is').choices(engines).makeOptionMandatory(),
  )
  .requiredOption('--url <url>', 'where the shop is reached', httpUrl)
  .option('--host <host>', 'the host its customers use, where it is not the one of the URL')
  .option('--publishable-key <key>', 'Medusa: the key of a storefront; then nothing is cancelled')
  .option('--limit <seconds>', 'the bound of the whole check', seconds, 60)
  .addHelpText(
    'after',
    '\nMedusa without a key: ADMIN_EMAIL and ADMIN_PASSWORD_FILE (or ADMIN_PASSWORD) of the environment.',
  )
  .action(async () => run(options.parse(program.opts())))

await program.parseAsync()

async function run({ engine, url, host, publishableKey, limit }: z.output<typeof options>) {
  const { signal } = new AbortController()
  const limitMs = limit * 1_000
  const shop = { engine, baseUrl: url, host: host ?? new URL(url).host, signal, limitMs }
  try {
    const admin = publishableKey === undefined ? await adminOf(engine, process.env) : undefined
    const order = await placeOrder({ ...shop, admin, publishableKey })
    process.stdout.write(`${JSON.stringify(order)}\n`)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}

// Not an argument: every process of the machine could read it.
async function adminOf(engine: Engine, env: NodeJS.ProcessEnv) {
  const email = env['ADMIN_EMAIL']
  if (!engineRegistry[engine].testsAsAdmin || email === undefined) return undefined
  const file = env['ADMIN_PASSWORD_FILE']
  const password =
    file === undefined ? env['ADMIN_PASSWORD'] : (await readFile(file, 'utf8')).trim()
  if (!password) throw new Error('ADMIN_EMAIL needs ADMIN_PASSWORD_FILE or ADMIN_PASSWORD')
  return { email, password }
}

function httpUrl(text: string): string {
  if (!/^https?:$/.test(URL.parse(text)?.protocol ?? ''))
    throw new InvalidArgumentError('It must be an http or https URL.')
  return text
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= 3_600)) throw new InvalidArgumentError('It must be seconds.')
  return value
}
