export { inBatches } from './batches.ts'
export { pause } from './retry.ts'
export { OutOfTimeError, within } from './timeout.ts'
export { inTurn } from './keyed-queue.ts'
