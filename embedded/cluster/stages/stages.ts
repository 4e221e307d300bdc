import { faultStages } from './fault-stages.ts'
import { nodeStages } from './node-stages.ts'
import { podStages } from './pod-stages.ts'
import { volumeStages } from './volume-stages.ts'

/** Everything the fake node does, in kwok's configuration form. */
export const stages = [...nodeStages, ...podStages, ...faultStages, ...volumeStages]
