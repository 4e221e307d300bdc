// Runs a cluster in the folder named by the first argument until it is killed.
import { startRealCluster } from '../../../tools/cluster/real-node/start.ts'

const [folder = ''] = process.argv.slice(2)
await startRealCluster({ folder, log: () => {} })
process.stdout.write('up\n')
setInterval(() => {}, 60_000)
