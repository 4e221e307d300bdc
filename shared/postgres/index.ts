export { electLeader, type Leadership } from './elect.ts'
export { recordKeyUses } from './key-uses.ts'
export { migrate } from './migrate.ts'
export {
  connectionConfig,
  openPool,
  prepared,
  translateErrors,
  watchShutdown,
  withTransaction,
  type Pool,
  type PoolOptions,
  type Statement,
} from './pool.ts'
export {
  listPendingStores,
  listWaiting,
  notificationOf,
  readCheckpoint,
  selectStores,
  storeChangesChannel,
  storeConditions,
  watchStoreChanges,
  type Checkpoint,
  type StoreChange,
  type WaitingTenant,
} from './reads.ts'
