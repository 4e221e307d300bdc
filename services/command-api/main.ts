import { exitIfMisconfigured } from '#config'
import closeWithGrace from 'close-with-grace'
import { parseConfig } from './config.ts'
import { start } from './start.ts'

const started = exitIfMisconfigured(() => start(parseConfig(process.env)))
closeWithGrace({ delay: 20_000 }, async () => (await started).close())
await started
