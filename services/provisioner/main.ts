import { runService } from '#config'
import { parseConfig, type ProvisionerConfig } from './config.ts'
import { start } from './start.ts'

// Beyond the grace time helm has to be ended and the outcome stored.
const ENDING_MS = 15_000
const graceMs = (config: ProvisionerConfig): number => config.SHUTDOWN_GRACE_MS + ENDING_MS

await runService({ name: 'provisioner', env: process.env, parseConfig, start, graceMs })
