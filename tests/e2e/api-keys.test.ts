import { expect, test } from 'vitest'
import { eventually } from '#test/eventually'
import { npmStart } from '#test/stack/npm-start'
import { storeClient } from '#test/stack/store-client'
import { tempFolder } from '#test/temp-folder'

const keyIn = (text: string) => /sw_[0-9A-Za-z]+_[0-9A-Za-z]+/.exec(text)?.[0]

test('npm start with AUTH=keys shows a key of the operator once; with it the first key of a tenant is made', async () => {
  await using data = await tempFolder()
  const env = { AUTH: 'keys', STOREWRIGHT_DATA: data.path }
  let secret: string | undefined

  {
    await using stack = await npmStart(env)
    const operatorKey = keyIn(stack.output())
    const made = await fetch(`${stack.url}/api/v1/keys`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${operatorKey}`,
        'x-tenant': 'acme',
        'content-type': 'application/json',
      },
      body: JSON.stringify({ name: 'panel', roles: ['write'] }),
    })
    expect(made.status).toBe(201)
    secret = keyIn(await made.text())
    expect((await storeClient(stack.url).get('/api/v1/stores')).status).toBe(401)
  }

  await using again = await npmStart(env)
  const client = storeClient(again.url)
  const headers = { authorization: `Bearer ${secret}` }
  expect(keyIn(again.output())).toBeUndefined()
  await eventually(async () =>
    expect((await client.get('/api/v1/stores', headers)).status).toBe(200),
  )
  expect(await client.accepted({ headers })).toMatch(/^[0-9a-f-]{36}$/)
})
