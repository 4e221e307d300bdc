import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'

const program = fileURLToPath(
  new URL('../../tests/support/config/service-program.ts', import.meta.url),
)

test.for(['SIGTERM', 'SIGINT'] as const)(
  '%s closes a service and ends it with 0',
  async (signal) => {
    const service = run('serves')
    for await (const line of service) if (line === 'started') service.kill(signal)

    expect(await service).toMatchObject({ exitCode: 0, stdout: 'started\nclosing', stderr: '' })
  },
)

test('an unexpected error is written down and closes the service, which ends with 1', async () => {
  const { exitCode, stdout, stderr } = await run('fails')

  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: 'started\nclosing' })
  expect(stderr).toMatch(/^Error: nobody expected this\n +at /)
})

test('a close that hangs ends with 1 when its time is over', async () => {
  const service = run('hangs')
  for await (const line of service) if (line === 'started') service.kill('SIGTERM')

  expect(await service).toMatchObject({ exitCode: 1, stdout: 'started\nclosing' })
})

test.for([
  ['refuses', 'the disk is made of cheese'],
  ['gives up', 'the connection is gone'],
])('a service that %s ends with 1 and one sentence', async ([behaviour = '', reason]) => {
  const { exitCode, stderr } = await run(behaviour)

  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: `The test-service cannot run: ${reason}`,
  })
})

function run(behaviour: string) {
  return execa(process.execPath, [program, behaviour], { reject: false, timeout: 60_000 })
}
