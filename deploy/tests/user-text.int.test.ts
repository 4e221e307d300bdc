import { describe, expect, test } from 'vitest'
import { containersOf, podTemplateOf, type Manifest } from './rendering/manifest.ts'
import { renderChart } from './rendering/render-chart.ts'
import { engines, storeValues } from './rendering/store-values.ts'

const names = [
  '{{ .Values.existingSecret }}',
  '$(DATABASE_PASSWORD) $$(HOME) $',
  `"quoted" 'text' \\ and # : - [x] {y} &z *a !b %c @d`,
  'no',
  '0x1F',
  '名前 – Bücher & Söhne 🛒',
  '; rm -rf / `id` $(id) <script>',
]

describe.each(engines)('%s', (engine) => {
  test.each(names)('keeps the name %j as it is, and as data only', async (name) => {
    const store = { id: '3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11', name, tenant: name }
    const manifests = await renderChart(engine, storeValues({ store }))
    for (const { metadata } of manifests) {
      expect(metadata.annotations['storewright.dev/store-name']).toBe(name)
      expect(metadata.annotations['storewright.dev/tenant']).toBe(name)
    }
    expect(storeNamesSeenByPods(manifests)).toEqual(new Set([name]))
    expect(elsewhere(manifests)).toBe(elsewhere(await renderChart(engine, storeValues())))
  })
})

function storeNamesSeenByPods(manifests: Manifest[]): Set<string> {
  const shown = manifests
    .flatMap((manifest) => podTemplateOf(manifest) ?? [])
    .flatMap(containersOf)
    .flatMap(({ env }) => env.filter(({ name }) => name === 'STORE_NAME'))
    .map(({ value = '' }) => expandVariables(value))
  return new Set(shown)
}

/** What the kubelet makes of a value: $(NAME) of a known variable is replaced, $$ is one $. */
function expandVariables(value: string): string {
  return value.replace(/\$(\$|\((\w+)\))/g, (_, escaped: string) =>
    escaped === '$' ? '$' : 'a secret of another variable',
  )
}

/** The manifests without the two places where user text belongs. */
function elsewhere(manifests: Manifest[]): string {
  const withoutText = (_: string, node: unknown) => {
    if (typeof node !== 'object' || node === null) return node
    const { annotations: _annotations, ...rest } = { annotations: undefined, ...node }
    if ('name' in node && node.name === 'STORE_NAME') return 'STORE_NAME'
    return Array.isArray(node) ? node : rest
  }
  return JSON.stringify(manifests, withoutText, 1)
}
