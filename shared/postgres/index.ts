export { migrate } from './migrate.ts'
export { openPool, connectionConfig, watchShutdown, type Pool, type PoolOptions } from './pool.ts'
export { readCheckpoint, type Checkpoint } from './reads.ts'
export { listPendingStores } from './reads.ts'
export {
  notificationOf,
  storeChangesChannel,
  watchStoreChanges,
  type StoreChange,
} from './reads.ts'
export { withTransaction } from './with-transaction.ts'
