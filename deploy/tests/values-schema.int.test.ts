import { describe, expect, test } from 'vitest'
import { renderText } from './rendering/render-chart.ts'
import { engines, routes, storeValues } from './rendering/store-values.ts'

const store = { id: '3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11', name: 'Example Store', tenant: 'demo' }

const refused: Record<string, Record<string, unknown>> = {
  'an unknown key': { replicas: 3 },
  'an unknown key of the store': { store: { ...store, email: 'a@example.com' } },
  'an unknown plan': { plan: 'huge' },
  'a store id that is none': { store: { ...store, id: 'x' } },
  'an empty name': { store: { ...store, name: '' } },
  'a name of two lines': { store: { ...store, name: 'a\nb' } },
  'a name too long': { store: { ...store, name: 'n'.repeat(129) } },
  'an upper-case host': { host: 'Shop.example.com' },
  'a host with a path': { host: 'shop.example.com/x' },
  'a host of one label': { host: 'localhost' },
  'no Secret': { existingSecret: '' },
  'a Secret with a path': { existingSecret: '../other' },
  'an unknown route': { route: { kind: 'nodePort' } },
  'an HTTPRoute without parents': { route: { kind: 'httpRoute' } },
  'parents of an Ingress': { route: { ...routes.ingress, parentRefs: [{ name: 'public' }] } },
  'an unknown image': { images: { sidecar: 'example.com/x:1' } },
  'an image without tag or digest': { images: { server: 'ghcr.io/storewright/medusa' } },
  'an image that is an option': { images: { server: '--privileged:1' } },
  'an access mode that cannot be': { storage: { uploadsAccessMode: 'ReadOnlyMany' } },
  'a network of everywhere': { network: { clientNamespaces: [] } },
}

describe.each(engines)('%s', (engine) => {
  test.each(Object.entries(refused))('refuses %s', async (_, changes) => {
    const rendering = renderText(engine, storeValues(changes))
    await expect(rendering).rejects.toThrow(/don't meet the specifications of the schema/)
  })

  test.each(['store', 'plan', 'host', 'existingSecret'])('needs %s', async (key) => {
    const { [key]: _, ...rest } = storeValues()
    await expect(renderText(engine, rest)).rejects.toThrow(
      new RegExp(`missing property.*${key}|${key}`),
    )
  })

  test('takes a host as international names are written in DNS', async () => {
    const rendering = renderText(engine, storeValues({ host: 'xn--bcher-kva.xn--fiqs8s' }))
    await expect(rendering).resolves.toContain('https://xn--bcher-kva.xn--fiqs8s')
  })

  test('takes images by digest from another registry', async () => {
    const server = `registry.example.com:5000/shops/own@sha256:${'a'.repeat(64)}`
    const rendering = renderText(engine, storeValues({ images: { server } }))
    await expect(rendering).resolves.toContain(`image: "${server}"`)
  })
})
