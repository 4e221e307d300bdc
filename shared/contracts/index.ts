export {
  decodeMetadata,
  decodeStoreEvent,
  decodeTenantEvent,
  schemaVersion,
  storeEventTypes,
} from './stored-events.ts'
export {
  eventStreamName,
  eventSubject,
  provisionersConsumer,
  storeIdOfSubject,
  wakeSubject,
  workSubjects,
} from './subjects.ts'
