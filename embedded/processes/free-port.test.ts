import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { freePort } from './free-port.ts'

const PORTS = 400
const code = `
  const { freePort } = await import(process.argv[1])
  const ports = []
  for (let count = 0; count < ${PORTS}; count++) ports.push(await freePort())
  process.stdout.write(JSON.stringify(ports))
`

test('a port that nobody listens at yet is given once, whichever process asks', async () => {
  const ports: number[] = []
  for (let count = 0; count < PORTS; count++) ports.push(await freePort())

  const module = new URL('./free-port.ts', import.meta.url).href
  const args = ['--input-type=module', '--eval', code, module]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const others = z.array(z.int()).length(PORTS).parse(JSON.parse(stdout))

  expect(new Set([...ports, ...others]).size).toBe(2 * PORTS)
})

test('what is given can be listened at, on every address too', async () => {
  const server = createServer()
  const port = await freePort()

  const listening = new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '0.0.0.0', () => resolve('listening'))
  })

  await expect(listening).resolves.toBe('listening')
  server.close()
})
