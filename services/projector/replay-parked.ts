import { runReplayParked } from './rebuild/replay-parked.ts'

process.exitCode = await runReplayParked(process.argv.slice(2), process.env)
