import { nodePrograms } from '../../../tools/cluster/real-node/programs.ts'
import { whatIsMissing } from '../../../tools/cluster/real-node/preflight.ts'

/** Fetches and builds the programs of a real node before the first test, or says by name what is missing. */
export default async function setup() {
  const missing = await whatIsMissing()
  if (missing.length > 0)
    throw new Error(
      `Real pods cannot run here, so nothing is tested. Missing: ${missing.join('; ')}`,
    )
  await nodePrograms(process.env)
}
