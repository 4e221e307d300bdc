import { runService } from '#config'
import { parseConfig } from './config.ts'
import { start } from './start.ts'

await runService({ name: 'command-api', env: process.env, parseConfig, start })
