export { eventId, storeIdOf } from './ids.ts'
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
export {
  handleCommand,
  type CommandContext,
  type HandleCommandArgs,
  type HandledCommand,
} from './handle-command.ts'
export { openEventStore, type OpenEventStoreOptions } from './open-event-store.ts'
