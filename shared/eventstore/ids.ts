import { v5 } from 'uuid'

/** Never changed: other namespaces would give other ids to events that are stored already. */
const EVENT_NAMESPACE = '6f1e3b5c-64c4-4f0f-9d2b-6f2f0c6f7f11'
const STORE_NAMESPACE = 'b0a2c1b7-2c35-4b06-8a3f-2f0e35b7a3d4'

/** The id of a command's event number `index`: the same command gives the same ids. */
export function eventId(commandId: string, index: number): string {
  return v5(`${commandId}\0${index}`, EVENT_NAMESPACE)
}

/** The id of the store that belongs to a tenant's idempotency key. */
export function storeIdOf(tenantId: string, idempotencyKey: string): string {
  return v5(`${tenantId}\0${idempotencyKey}`, STORE_NAMESPACE)
}
