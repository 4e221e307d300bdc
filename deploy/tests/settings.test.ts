import { readFile } from 'node:fs/promises'
import { load } from 'js-yaml'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { readCompose } from './compose-file.ts'
import { deployPath } from './rendering/render-chart.ts'

/** What an image or a chart decides for good: where its own files lie, and who it is in a cluster. */
const decided = ['WORKER_ID', 'KUBECONFIG', 'HELM_BIN', 'CHARTS_DIR', 'PLANS_DIR', 'RELEASES_DIR']
/** Driver cluster alone: compose renders. */
const ofCluster = [
  'NAMESPACE_ROLE',
  'POD_NAMESPACE',
  'REMOVAL_LIMIT_MS',
  'ROUTE_LIMIT_MS',
  'SMOKE_TEST',
  'SMOKE_TEST_LIMIT_MS',
  'SMOKE_TEST_URL',
  'STORE_SECRETS_DIR',
]
const ours = ['command-api', 'query-api', 'projector', 'relay', 'provisioner']
const components = z.record(z.string(), z.object({ settings: z.array(z.string()) }))

describe.each(ours)('%s', (service) => {
  test('has no setting that compose does not pass', async () => {
    const { services } = await readCompose()
    const given = Object.keys(services[service]?.environment ?? {})
    const wanted = (await variablesOf(service)).filter((name) => !ofCluster.includes(name))
    expect(wanted.filter((name) => !given.includes(name))).toEqual([])
  })

  test('has no setting that the chart does not pass, and the chart takes no other', async () => {
    const text = await readFile(deployPath('charts', 'storewright', 'components.yaml'), 'utf8')
    const { settings } = components.parse(load(text))[service] ?? { settings: [] }
    const template = await readFile(
      deployPath('charts', 'storewright', 'templates', '_platform.tpl'),
      'utf8',
    )
    const fixed = [...template.matchAll(/(?:\{name: |")([A-Z][A-Z0-9_]+)(?:,|")/g)].map(
      ([, name]) => name,
    )
    const variables = await variablesOf(service)
    const isAddress = (name: string) => /^(EVENTSTORE|NATS|DATABASE)_URL$/.test(name)
    const missing = variables.filter(
      (name) => !settings.includes(name) && !fixed.includes(name) && !isAddress(name),
    )
    expect(missing).toEqual([])
    expect(settings.filter((name) => !variables.includes(name))).toEqual([])
  })
})

/** The variables of a service, as its configuration takes them. */
async function variablesOf(service: string): Promise<string[]> {
  const { configSchema } = await import(`../../services/${service}/config.ts`)
  const { shape } = z
    .object({ shape: z.record(z.string(), z.unknown()) })
    .parse({ shape: configSchema.shape })
  return Object.keys(shape).filter((name) => !decided.includes(name))
}
