import { buy } from '#test/woocommerce/buy'
import { logOf, ringClock, setUp } from '#test/woocommerce/set-up'
import { realStore } from '#test/woocommerce/real-store'
import { sources } from '#test/woocommerce/sources'
import { MAIL_HOST, startMailServer } from '#test/woocommerce/start-mail-server'
import { startWebServer } from '#test/woocommerce/web-server'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'

test('an order sends its mails by the mail server of the values, encrypted and with its login', async () => {
  await using folder = await tempFolder()
  await using mailServer = await startMailServer(folder.path)
  const mail = { host: MAIL_HOST, from: 'shops@example.com', existingSecret: 'mail-secret' }
  await using store = await realStore(sources(), {
    values: { mail },
    certificate: mailServer.certificate,
    mailLogin: { username: 'relay', password: 'relayPassword1' },
  })
  await setUp(store)
  await using web = await startWebServer(store)
  const { order_id: order } = await buy(web)

  expect(await ringClock(store)).toBe(0)

  const { mails } = mailServer
  expect(mails.map(({ to }) => to).toSorted()).toEqual([
    'admin@shop.example.com',
    'eva@customer.example',
  ])
  for (const { from, user, text } of mails) {
    expect({ from, user }).toEqual({ from: 'shops@example.com', user: 'relay:relayPassword1' })
    expect(text).toContain(`#${order}`)
  }
})

test('a mail server that is not who it says gets neither a mail nor a login', async () => {
  await using folder = await tempFolder()
  await using mailServer = await startMailServer(folder.path)
  const mail = { host: MAIL_HOST, existingSecret: 'mail-secret' }
  const mailLogin = { username: 'relay', password: 'relayPassword1' }
  await using store = await realStore(sources(), { values: { mail }, mailLogin })
  await setUp(store)
  await using web = await startWebServer(store)
  await buy(web)
  await ringClock(store)
  expect(mailServer.mails).toEqual([])
  const log = await logOf(store)
  expect(log).toContain('no mail was sent: SMTP Error: Could not connect to SMTP host.')
  expect(log).not.toContain('relayPassword1')
})

test('without a mail server a shop sells all the same, and its log says that no mail was sent', async () => {
  await using store = await realStore(sources())
  await setUp(store)
  await using web = await startWebServer(store)
  expect((await buy(web)).status).toBe('processing')
  expect(await ringClock(store)).toBe(0)
  expect(await logOf(store)).toContain('no mail was sent: the store has no mail server')
})
