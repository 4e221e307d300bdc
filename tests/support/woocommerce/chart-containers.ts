import { containersOf, podTemplateOf } from '../../../deploy/tests/rendering/manifest.ts'
import { renderChart } from '../../../deploy/tests/rendering/render-chart.ts'
import { storeValues } from '../../../deploy/tests/rendering/store-values.ts'
import { z } from 'zod'

const HOST = 'shop.example.com'
const httpGet = z.object({
  path: z.string(),
  httpHeaders: z.array(z.object({ name: z.string(), value: z.string() })),
})
const probe = z.object({ httpGet })

/** The containers of a WooCommerce store as helm renders them: environment, command and readiness probe. */
export async function chartContainers(changes: Record<string, unknown> = {}) {
  const manifests = await renderChart('woocommerce', storeValues({ host: HOST, ...changes }))
  const containers = manifests.flatMap((each) => podTemplateOf(each) ?? []).flatMap(containersOf)
  const named = (name: string) => {
    const container = containers.find((each) => each.name === name)
    if (container === undefined) throw new Error(`The chart has no container ${name}`)
    const env = Object.fromEntries(container.env.map((each) => [each.name, each.value ?? '']))
    return { env, command: container.command ?? [], raw: container }
  }
  const wordpress = named('wordpress')
  const ready = probe.parse(wordpress.raw['readinessProbe']).httpGet
  const headers = Object.fromEntries(ready.httpHeaders.map(({ name, value }) => [name, value]))
  return {
    'set-up': named('set-up'),
    wordpress,
    cron: named('cron'),
    ready: { path: ready.path, headers },
  }
}
