// Prints what is missing for real pods, as JSON.
import { whatIsMissing } from '../../../tools/cluster/real-node/preflight.ts'

process.stdout.write(JSON.stringify(await whatIsMissing()))
