import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { configSchema as ofStack } from '../../embedded/config.ts'
import { toolVariables } from '../../embedded/tools.ts'
import { configSchema as ofCommandApi } from '../../services/command-api/config.ts'
import { configSchema as ofProjector } from '../../services/projector/config.ts'
import { configSchema as ofProvisioner } from '../../services/provisioner/config.ts'
import { configSchema as ofQueryApi } from '../../services/query-api/config.ts'
import { configSchema as ofRelay } from '../../services/relay/config.ts'
import type { ServiceName } from '../../embedded/stack/service-table.ts'

const schemas: Record<ServiceName | 'npm start', { shape: object }> = {
  'command-api': ofCommandApi,
  'query-api': ofQueryApi,
  projector: ofProjector,
  provisioner: ofProvisioner,
  relay: ofRelay,
  'npm start': ofStack,
}
/** What the set-up reads before any package is there, and so without a schema. */
const ofSetup = 'STOREWRIGHT_MIRROR'

const file = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8')
const described = file
  .split('\n')
  .map((line) => line.split('=')[0] ?? '')
  .filter((name) => name !== '' && !name.startsWith('#'))
const sorted = (names: Iterable<string>) =>
  [...names].toSorted((one, other) => one.localeCompare(other))

test('.env.example names the settings that the services and npm start take, and no others', () => {
  const declared = Object.values(schemas).flatMap(({ shape }) => Object.keys(shape))

  const known = new Set([...declared, ...Object.values(toolVariables), ofSetup])
  expect(sorted(described)).toEqual(sorted(known))
})
