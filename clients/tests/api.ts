import { createLogger } from '#observability'
import type { StoreEvent } from '#domain'
import { upgraded } from '#test/http/historian'
import { commandApi } from '#test/http/command-api'
import { queryApi } from '#test/http/query-api'
import { freePort } from '../../embedded/processes/free-port.ts'
import { startGateway } from '../../embedded/gateway/gateway.ts'

const operatorKey = 'operator-key-of-these-tests-0123456789'

/** The whole API at one address, with keys, as `npm start` has it. */
export async function wholeApi() {
  const env = { AUTH: 'keys', OPERATOR_KEY: operatorKey }
  const query = await queryApi(env)
  const command = await commandApi(query.events.url, env)
  const gateway = await startGateway({
    host: '127.0.0.1',
    port: await freePort(),
    services: { 'command-api': command.url, 'query-api': query.url },
    logger: createLogger({ service: 'test', level: 'silent' }),
  })
  const { tenant } = query
  return {
    /** What a client is made with. */
    options: { baseUrl: gateway.url, credential: operatorKey, tenant },
    requestStore: query.requestStore,
    /** What a worker would say of a store that was requested. */
    provision: (storeId: string) => query.append(storeId, upgraded().slice(0, 2), 0n),
    fail: (storeId: string) => query.append(storeId, failed(), 0n),
    async [Symbol.asyncDispose]() {
      gateway.close()
      await command[Symbol.asyncDispose]()
      await query[Symbol.asyncDispose]()
    },
  }
}

function failed(): StoreEvent[] {
  const failedAt = new Date().toISOString()
  const why = { reason: 'TIMEOUT', retryable: true, detail: 'late', nextAction: 'Wait' } as const
  return [
    ...upgraded().slice(0, 1),
    { type: 'StoreFailed', data: { attempt: 1, ...why, failedAt } },
  ]
}
