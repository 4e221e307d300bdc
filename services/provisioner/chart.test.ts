import { appendFile, cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { engines } from '#domain'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import { readChart } from './chart.ts'

const charts = fileURLToPath(new URL('../../deploy/charts', import.meta.url))

test.each(engines)('the chart of %s is known by name, version and digest', async (engine) => {
  const chart = await readChart(charts, engine)
  expect(chart).toMatchObject({ name: engine, path: join(charts, engine) })
  expect(chart.version).toMatch(/^\d+\.\d+\.\d+$/)
  expect(await readChart(charts, engine)).toEqual(chart)
})

test('any change of any file changes the digest', async () => {
  await using folder = await tempFolder()
  await cp(charts, folder.path, { recursive: true })
  const before = await readChart(folder.path, 'woocommerce')
  expect(before.digest).toBe((await readChart(charts, 'woocommerce')).digest)
  await writeFile(join(folder.path, 'woocommerce', 'templates', 'new.yaml'), '')
  expect((await readChart(folder.path, 'woocommerce')).digest).not.toBe(before.digest)
})

test('a change of the library that a chart holds changes its digest', async () => {
  await using folder = await tempFolder()
  await cp(charts, folder.path, { recursive: true })
  const before = await readChart(folder.path, 'medusa')
  const library = join(folder.path, 'medusa', 'charts', 'store-library')
  await appendFile(join(library, 'templates', '_network.tpl'), ' ')
  expect((await readChart(folder.path, 'medusa')).digest).not.toBe(before.digest)
})

test('a chart that is not there is CHART_INVALID', async () => {
  await expect(readChart('/nowhere', 'medusa')).rejects.toMatchObject({ code: 'CHART_INVALID' })
})
