import { describe, expect, test } from 'vitest'
import { containersOf, podTemplateOf } from './rendering/manifest.ts'
import { renderChart, renderText } from './rendering/render-chart.ts'
import { storeValues } from './rendering/store-values.ts'

const mail = { host: 'smtp.example.com', from: 'shops@example.com', existingSecret: 'store-mail' }

async function engineContainers(changes: Record<string, unknown>) {
  const manifests = await renderChart('woocommerce', storeValues(changes))
  const templates = manifests.flatMap((each) => podTemplateOf(each) ?? [])
  return templates.flatMap(containersOf).filter(({ name }) => name !== 'mariadb')
}

describe('mail of a WooCommerce store', () => {
  test('every process of WordPress knows the mail server and mounts its login', async () => {
    const containers = await engineContainers({ mail })
    expect(containers.map(({ name }) => name).toSorted()).toEqual(['cron', 'set-up', 'wordpress'])
    for (const { env, ...container } of containers) {
      const values = Object.fromEntries(env.map(({ name, value }) => [name, value]))
      expect(values).toMatchObject({
        MAIL_HOST: 'smtp.example.com',
        MAIL_PORT: '587',
        MAIL_SECURITY: 'starttls',
        MAIL_FROM: 'shops@example.com',
      })
      expect(container['volumeMounts']).toContainEqual({
        name: 'mail',
        mountPath: '/run/secrets/mail',
        readOnly: true,
      })
    }
  })

  test('a store without one names none and mounts nothing', async () => {
    const text = await renderText('woocommerce', storeValues())
    expect(text).not.toContain('MAIL_')
    expect(text).not.toContain('/run/secrets/mail')
  })

  test('no login stands in the release', async () => {
    const refused = renderText('woocommerce', storeValues({ mail: { ...mail, password: 'x' } }))
    await expect(refused).rejects.toThrow(/don't meet the specifications of the schema/)
  })

  test.each([
    ['a port its policies do not open', { port: 25 }],
    ['no encryption', { security: 'none' }],
    ['a sender without a domain', { from: 'shops' }],
    ['a sender that is a reference', { from: '$(DATABASE_HOST)@example.com' }],
    ['a host with a port', { host: 'smtp.example.com:587' }],
  ])('refuses %s', async (_, changes) => {
    const rendering = renderText('woocommerce', storeValues({ mail: { ...mail, ...changes } }))
    await expect(rendering).rejects.toThrow(/don't meet the specifications of the schema/)
  })
})
