import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { eventually } from '#test/eventually'
import { helmStub, overlaps } from '#test/provisioner/helm-stub'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { dataOf, untilLast } from '#test/store-history'
import { expect, test } from 'vitest'

// The inputs and outputs it has already, and nothing new.
const NO_DESCRIPTOR = 3

test('F44: a provisioner without file descriptors ends in mid-helm, and the next one completes without a false failure', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { runs: [{ hang: true }] })
  const change = { HELM_BIN: helm.executable, SHUTDOWN_GRACE_MS: '500' }
  const starved = await world.startProvisioner(change)
  const storeId = await world.request()
  await eventually(async () => expect(await helm.runs()).toHaveLength(1))

  execFileSync('prlimit', ['--pid', `${starved.pid}`, `--nofile=${NO_DESCRIPTOR}`])

  expect(await starved.exited).toMatchObject({ code: 1 })
  expect(await starved.output()).toContain('EMFILE')
  await world.startProvisioner({ HELM_BIN: helm.executable })
  const events = await untilLast(world, storeId, 'StoreProvisioned')
  // It may have had the time to say that it stopped; of the store nothing has failed.
  const failures = dataOf(events, 'ProvisioningAttemptFailed').map(({ reason }) => reason)
  expect(failures.filter((reason) => reason !== 'WORKER_STOPPED')).toEqual([])
  expect(dataOf(events, 'StoreProvisioned')).toMatchObject([{ attempt: 2 }])
  expect(overlaps(await helm.runs())).toEqual([])
})
