import { randomUUID } from 'node:crypto'
import { Command } from 'commander'
import { z } from 'zod'
import { eventStoreVariables, parseEnvironment } from '#config'
import { createKeyBody, decodeApiKeyEvent, decodeMetadata, keyViewOf } from '#contracts'
import { anyTenant, apiKey, type ApiKeyState, apiKeyStreamPrefix } from '#domain'
import { type EventStore, openEventStore } from '#eventstore'
import { apiKeys } from './api-keys.ts'

const schema = z.object(eventStoreVariables)

interface CreateOptions {
  tenant?: string
  name: string
  roles: string
  expires?: string
}

/** The command `keys`: makes, lists and revokes API keys in the event log. Resolves to its exit code: 0, or 1 with one sentence on standard error. */
export async function runKeys(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const command = new Command('keys').description('Makes, lists and revokes API keys.')
  const withStore = async (run: (store: EventStore) => Promise<void>) => {
    const { EVENTSTORE_URL: connectionString } = parseEnvironment(schema, env)
    const store = openEventStore({ connectionString })
    try {
      await run(store)
    } finally {
      await store.close()
    }
  }
  command
    .command('create')
    .description('Makes a key and prints it: the only time it is shown.')
    .option('--tenant <tenant>', "whose stores it reaches; without one it is an operator's")
    .requiredOption('--name <name>', 'how people know the key')
    .option('--roles <roles>', 'read, write, admin or operator', '')
    .option('--expires <time>', 'when it expires, such as 2027-01-01T00:00:00Z')
    .action((options: CreateOptions) => withStore((store) => create(store, options)))
  command
    .command('list')
    .description('Prints every key, one JSON object a line.')
    .action(() => withStore(list))
  command
    .command('revoke')
    .description('Revokes a key: no process takes it any more.')
    .argument('<id>', 'the id of the key, the part after sw_')
    .action((id: string) =>
      withStore(async (store) => {
        print(await keysOf(store).revoke(id, contextOf(anyTenant)))
      }),
    )
  try {
    await command.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

const keysOf = (store: EventStore) => apiKeys({ store, now: () => new Date() })

const contextOf = (tenantId: string) => ({
  tenantId,
  actor: 'operator:command-line',
  correlationId: randomUUID(),
})

async function create(store: EventStore, { tenant, name, roles, expires }: CreateOptions) {
  const given = roles === '' ? [tenant === undefined ? 'operator' : 'write'] : roles.split(',')
  const asked = createKeyBody.safeParse({
    name,
    roles: given.map((role) => role.trim()),
    ...(expires !== undefined && { expiresAt: expires }),
  })
  if (!asked.success) throw new Error(z.prettifyError(asked.error))
  const { view, text } = await keysOf(store).create(asked.data, contextOf(tenant ?? anyTenant))
  process.stderr.write(`${JSON.stringify(view)}\n`)
  process.stdout.write(`${text}\n`)
}

async function list(store: EventStore) {
  const keys = new Map<string, { createdBy: string; state: ApiKeyState }>()
  for await (const stored of store.readAll()) {
    if (!stored.stream.startsWith(apiKeyStreamPrefix)) continue
    const event = decodeApiKeyEvent(stored)
    if (event === undefined) continue
    const { createdBy, state } = keys.get(stored.stream) ?? {
      createdBy: decodeMetadata(stored).actor,
      state: apiKey.initialState(),
    }
    keys.set(stored.stream, { createdBy, state: apiKey.evolve(state, event) })
  }
  for (const { createdBy, state } of keys.values())
    if (state.status !== 'absent')
      print(keyViewOf(state.key, { createdBy, ...(state.status === 'revoked' && state) }))
}

const print = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`)
