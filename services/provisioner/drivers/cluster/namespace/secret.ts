import { randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { z } from 'zod'
import { AppError } from '#domain'
import type { Target } from '../../../reconcile/driver.ts'
import { STORE_SECRET } from '../../../values.ts'
import type { Api } from '../api/client.ts'
import { createObject, readObject } from '../api/objects.ts'
import { storeLabels } from './namespace.ts'

const LENGTH = 32
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const chartFile = z.object({
  annotations: z.object({ 'storewright.dev/secret-keys': z.string() }),
})
const secret = z.object({ data: z.record(z.string(), z.unknown()).default({}) })

/**
 * Creates the store's Secret with a value for every key its chart names. It is created once and never
 * changed: its values are in use by the store's database. Throws CHART_INVALID.
 */
export async function ensureStoreSecret(api: Api, target: Target): Promise<void> {
  const keys = await keysOf(target)
  const object = { kind: 'Secret', namespace: target.release, name: STORE_SECRET } as const
  const stringData = Object.fromEntries(keys.map((key) => [key, valueOf(key, target)]))
  const metadata = { labels: storeLabels(target) }
  const made = await createObject(api, object, { metadata, immutable: true, stringData })
  if (made !== undefined) return
  const { data = {} } = (await readObject(api, object, secret)) ?? {}
  const missing = keys.filter((key) => !(key in data))
  if (missing.length > 0)
    throw new AppError('CHART_INVALID', `${STORE_SECRET} lacks ${missing.join(', ')}`)
}

async function keysOf({ chart }: Target): Promise<string[]> {
  try {
    const { annotations } = chartFile.parse(
      load(await readFile(join(chart.path, 'Chart.yaml'), 'utf8')),
    )
    return annotations['storewright.dev/secret-keys'].trim().split(/\s+/)
  } catch (cause) {
    const message = `${chart.path} does not say which keys its Secret needs`
    throw new AppError('CHART_INVALID', message, { cause, retryable: true })
  }
}

// Letters and digits only: they become parts of URLs. Administrators of all engines are e-mail addresses.
function valueOf(key: string, { values }: Target): string {
  if (key === 'admin-email') return `admin@${values.host}`
  return Array.from({ length: LENGTH }, () => alphabet[randomInt(alphabet.length)]).join('')
}
