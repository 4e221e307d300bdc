import { runService } from '#config'
import { createServer } from 'node:http'

// A service that does as its first argument says.
const [, , behaviour = ''] = process.argv

await runService({
  name: 'test-service',
  env: process.env,
  parseConfig: () => ({ graceMs: behaviour === 'hangs' ? 100 : 60_000 }),
  graceMs: ({ graceMs }) => graceMs,
  start: async (_config, onFatal) => {
    if (behaviour === 'refuses') throw new Error('the disk is made of cheese')
    const server = createServer().listen(0, '127.0.0.1')
    if (behaviour === 'fails') setImmediate(() => Promise.reject(new Error('nobody expected this')))
    if (behaviour === 'gives up') setImmediate(() => onFatal(new Error('the connection is gone')))
    process.stdout.write('started\n')
    return {
      close: async () => {
        process.stdout.write('closing\n')
        if (behaviour === 'hangs') await new Promise(() => {})
        server.close()
      },
    }
  },
})
