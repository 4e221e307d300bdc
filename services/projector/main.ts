import { runService } from '#config'
import { parseConfig } from './config.ts'
import { start } from './start.ts'

await runService({ name: 'projector', env: process.env, parseConfig, start })
