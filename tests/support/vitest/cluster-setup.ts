import { clusterPrograms } from '../../../tools/cluster/binaries/programs.ts'

/** Builds the local cluster's programs before the first test, or says by name what is missing. */
export default async function setup() {
  await clusterPrograms(process.env)
}
