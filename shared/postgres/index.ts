export { migrate } from './migrate.ts'
export { openPool, connectionConfig, watchShutdown, type Pool, type PoolOptions } from './pool.ts'
export { readCheckpoint, type Checkpoint } from './checkpoint.ts'
export { listPendingStores } from './pending-stores.ts'
export {
  notificationOf,
  storeChangesChannel,
  watchStoreChanges,
  type StoreChange,
} from './store-changes.ts'
export { withTransaction } from './with-transaction.ts'
