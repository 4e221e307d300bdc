import { runRebuild } from './rebuild/run-rebuild.ts'

process.exitCode = await runRebuild(process.argv.slice(2), process.env)
