import { runService } from '#config'
import { parseConfig } from './config.ts'
import { start } from './start.ts'

await runService({ name: 'query-api', env: process.env, parseConfig, start })
