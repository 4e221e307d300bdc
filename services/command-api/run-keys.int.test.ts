import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { keyView } from '#contracts'
import { testEventStore } from '#test/servers/test-eventstore'
import { expect, test } from 'vitest'

const program = fileURLToPath(new URL('keys.ts', import.meta.url))

test('the command makes a key, lists it as the API does, and revokes it', async () => {
  await using events = await testEventStore()
  const keys = (...args: string[]) =>
    execa(process.execPath, [program, ...args], {
      env: { EVENTSTORE_URL: events.url },
      timeout: 60_000,
    })

  const made = await keys('create', '--tenant', 'acme', '--name', 'panel', '--roles', 'read,write')
  const view = keyView.parse(JSON.parse(made.stderr))
  const listed = await keys('list')
  const revoked = await keys('revoke', view.id)
  const listedAfterwards = await keys('list')

  expect(made.stdout).toMatch(new RegExp(`^sw_${view.id}_\\w{49}$`))
  expect(view).toMatchObject({ tenantId: 'acme', roles: ['read', 'write'], revokedAt: null })
  expect(JSON.parse(listed.stdout)).toEqual(view)
  const { revokedAt } = keyView.parse(JSON.parse(revoked.stdout))
  expect(revokedAt).not.toBeNull()
  expect(JSON.parse(listedAfterwards.stdout)).toEqual({ ...view, revokedAt })
  expect(listedAfterwards.stdout).not.toMatch(/hash/)
})

test('a key of a role that is none is refused with one sentence, and no key is made', async () => {
  await using events = await testEventStore()
  const env = { EVENTSTORE_URL: events.url }
  const options = { env, reject: false, timeout: 60_000 } as const

  const refused = await execa(
    process.execPath,
    [program, 'create', '--name', 'panel', '--roles', 'root'],
    options,
  )
  const listed = await execa(process.execPath, [program, 'list'], options)

  expect(refused).toMatchObject({ exitCode: 1, stdout: '' })
  expect(refused.stderr).toMatch(/roles/)
  expect(listed).toMatchObject({ exitCode: 0, stdout: '' })
})
