export {
  auditedEvent,
  canonicalJson,
  differenceOf,
  type Actor,
  type Change,
} from './audited-event.ts'
export { eventId, storeIdOf } from './event-store.ts'
export type {
  Appended,
  AppendOptions,
  EventStore,
  ExpectedRevision,
  NewEvent,
  ReadAllOptions,
  ReadStreamOptions,
  RecordedEvent,
  SubscriptionItem,
} from './event-store.ts'
export { openAggregate, type Aggregate } from './aggregate.ts'
export type { CommandContext, Folded, HandledCommand } from './handle-command.ts'
export { foldStream, handleCommand } from './handle-command.ts'
export { verifyLog } from './same-log.ts'
export { openEventStore, type OpenEventStoreOptions } from './open-event-store.ts'
