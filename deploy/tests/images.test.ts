import { readFile } from 'node:fs/promises'
import { engines } from '#domain'
import { expect, test } from 'vitest'
import { linesOf, repositoryFiles } from '../../tests/repository/files.ts'
import { readCompose } from './compose-file.ts'
import { chartFile } from './rendering/chart-file.ts'
import { deployPath } from './rendering/render-chart.ts'

const bake = await readFile(deployPath('docker-bake.hcl'), 'utf8')
const defaults = Object.fromEntries(
  [...bake.matchAll(/^variable "(\w+)" \{\n {2}default = "(.*)"\n\}/gm)].map(([, name, value]) => [
    name,
    value,
  ]),
)
const tags = [...bake.matchAll(/^ {2}tags +=? \["([^"]+)"\]/gm)].map(([, tag = '']) =>
  tag.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => defaults[name] ?? `no ${name}`),
)

test('one command builds every image that charts and compose name', async () => {
  const { appVersion } = await chartFile('storewright')
  const stores = await Promise.all(
    engines.map(async (engine) => `storewright/${engine}:${(await chartFile(engine)).appVersion}`),
  )
  const own = [`storewright/services:${appVersion}`, `storewright/provisioner:${appVersion}`]
  expect(tags.toSorted()).toEqual([...own, ...stores].toSorted())

  const { services } = await readCompose()
  const named = Object.values(services).map(({ image }) => image)
  expect(new Set(named.filter((image) => image.startsWith('storewright/')))).toEqual(new Set(own))
})

test('the version of an engine is the one that its image holds', async () => {
  const woocommerce = await readFile(deployPath('images', 'woocommerce', 'Dockerfile'), 'utf8')
  expect(woocommerce).toContain(`ARG WOOCOMMERCE_VERSION=${defaults['WOOCOMMERCE_VERSION']}\n`)
  const medusa = await readFile(deployPath('images', 'medusa', 'package.json'), 'utf8')
  expect(medusa).toContain(`"@medusajs/medusa": "${defaults['MEDUSA_VERSION']}"`)
})

test.each(['docs/deployment.md', 'docs/charts.md', 'deploy/charts'])(
  'no registry that nobody pushes to is left in %s',
  (place) => {
    const files = repositoryFiles().filter((path) => path.startsWith(place))
    const lines = files.flatMap((path) => linesOf(path))
    expect(lines.filter((line) => line.includes('ghcr.io/storewright'))).toEqual([])
  },
)
