export { inBatches } from './batches.ts'
export { inTurn } from './keyed-queue.ts'
export { OutOfTimeError, pause, within } from './timeout.ts'
