export { recordKeyUses } from './key-uses.ts'
export { migrate } from './migrate.ts'
export {
  connectionConfig,
  openPool,
  watchShutdown,
  withTransaction,
  type Pool,
  type PoolOptions,
} from './pool.ts'
export {
  listPendingStores,
  listWaiting,
  notificationOf,
  readCheckpoint,
  storeChangesChannel,
  watchStoreChanges,
  type Checkpoint,
  type StoreChange,
  type WaitingTenant,
} from './reads.ts'
