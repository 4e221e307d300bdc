import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { releaseNameOf } from '#domain'
import { eventually } from '#test/eventually'
import { provisionerWorld } from '#test/provisioner-world'
import { expect, test } from 'vitest'
import { parseConfig } from './config.ts'
import { start } from './start.ts'

test('a requested store is rendered by real helm, byte for byte what helm template gives', async () => {
  await using world = await provisionerWorld()
  const config = parseConfig({ ...world.environment, LOG_LEVEL: 'silent' })
  const provisioner = await start(config)
  try {
    const storeId = await world.request({ engine: 'medusa' })
    await eventually(async () =>
      expect((await world.history(storeId)).at(-1)?.type).toBe('StoreProvisioned'),
    )
    const types = (await world.history(storeId)).map(({ type }) => type)
    expect(types).toEqual([
      'StoreRequested',
      'ProvisioningStarted',
      'ProvisioningStepRecorded',
      'StoreProvisioned',
    ])
    const release = releaseNameOf(storeId)
    const manifests = join(config.RELEASES_DIR, release, 'manifests.yaml')
    const chart = join(config.CHARTS_DIR, 'medusa')
    const values = JSON.stringify({
      store: { id: storeId, name: 'Test Store', tenant: 'demo' },
      plan: 'small',
      host: `${release}.stores.localhost`,
      existingSecret: 'store-secret',
    })
    const args = ['template', release, chart, '--namespace', release, '--values', '-']
    const wanted = execFileSync(config.HELM_BIN, args, { input: values })
    expect(await readFile(manifests)).toEqual(wanted)
  } finally {
    await provisioner.close()
  }
})
