import { randomUUID } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { releaseNameOf } from '#domain'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import { MANIFESTS, RECORD, writeRecord } from '../../drivers/render/release-folder.ts'
import { findFolders } from './folders.ts'

test("a release that comes and goes while it is looked at is its store's or not there", async () => {
  await using root = await tempFolder()
  const store = randomUUID()
  const made = join(root.path, 'made')
  const releases = join(root.path, 'releases')
  await mkdir(releases)
  await release(made, store)
  const ended = new AbortController()
  const moved = comeAndGo(made, join(releases, releaseNameOf(store))).finally(() => ended.abort())
  const seen = new Set<string>()
  const compareOnce = async () => {
    const found = await findFolders(releases)
    seen.add(found.map((one) => `${one.observed.status} ${one.store}`).join())
  }
  while (!ended.signal.aborted) await Promise.all(Array.from({ length: 10 }, compareOnce))
  await moved
  await compareOnce()

  expect([...seen].toSorted()).toEqual(['', `deployed ${store}`])
})

async function release(folder: string, store: string): Promise<void> {
  await mkdir(folder)
  const manifests = Buffer.from('kind: ConfigMap\nmetadata: { name: x }\n')
  const labels = { store, attempt: 1, claim: 'c', values: 'v', chart: 'c' }
  await writeFile(join(folder, MANIFESTS), manifests)
  await writeFile(join(folder, RECORD), writeRecord(labels, manifests))
}

async function comeAndGo(made: string, location: string): Promise<void> {
  for (let round = 0; round < 3_000; round++) {
    await rename(made, location)
    await rename(location, made)
  }
  await rename(made, location)
}
