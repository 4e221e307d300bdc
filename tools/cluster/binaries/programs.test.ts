import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import { clusterPrograms } from './programs.ts'

const fixtures = join(import.meta.dirname, 'fixtures')
const pins = readFileSync(join(import.meta.dirname, 'control-plane', 'pins.json'), 'utf8')
const names = [
  'etcd',
  'httproutes.yaml',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
]

test('what is missing is built once, each program with its version, and found from then on', async () => {
  await using temp = await tempFolder()

  const folder = await clusterPrograms(envOf(temp.path))

  expect(contentOf(folder)).toEqual(names)
  expect(readFileSync(join(folder, 'etcd'), 'utf8')).toBe('first half, second half')
  expect(await clusterPrograms(envOf(temp.path))).toBe(folder)
  expect(callsOf(temp.path)).toHaveLength(names.length)
  expect(callsOf(temp.path).find((call) => call.endsWith('cmd/kube-apiserver'))).toMatch(
    /version\.gitVersion=v1\.\d+\.\d+ .*gitMajor=1 .*gitMinor=\d+ -o /,
  )
})

test('of two builds at once the second waits and builds nothing again', async () => {
  await using temp = await tempFolder()

  const folders = await Promise.all([1, 2].map(() => clusterPrograms(envOf(temp.path))))

  expect(new Set(folders).size).toBe(1)
  expect(callsOf(temp.path)).toHaveLength(names.length)
})

test('a build that broke off leaves no half program, and the next one goes on after it', async () => {
  await using temp = await tempFolder()
  const env = envOf(temp.path)
  await expect(clusterPrograms({ ...env, GO_DIES_AT: 'kube-apiserver' })).rejects.toThrow(
    /cannot be built: .*go ended with code 1/,
  )

  const folder = await clusterPrograms(env)

  expect(contentOf(folder)).toEqual(names)
  expect(readFileSync(join(folder, 'kube-apiserver'), 'utf8')).toBe('first half, second half')
  expect(callsOf(temp.path).filter((call) => call.includes('etcd'))).toHaveLength(1)
})

test('sources with another checksum than the pinned one are not used', async () => {
  await using temp = await tempFolder()

  const attempt = clusterPrograms({ ...envOf(temp.path), GO_SUM: 'h1:other' })

  await expect(attempt).rejects.toThrow('gateway-api@v1.4.1 has the checksum h1:other, not h1:')
})

test('without Go the refusal names Go, the variable and each program', async () => {
  await using temp = await tempFolder()

  const attempt = clusterPrograms({ ...envOf(temp.path), PATH: '/nowhere' })

  await expect(attempt).rejects.toThrow(
    /Go is not on PATH\. Install Go 1\.26 .* CLUSTER_BIN_DIR .* etcd, kwok, kube-apiserver/,
  )
})

test('a given folder is used as it is, and what it lacks is named', async () => {
  await using temp = await tempFolder()
  for (const name of names.filter((each) => each !== 'kwok'))
    await writeFile(join(temp.path, name), '')
  const env = { ...envOf(temp.path), CLUSTER_BIN_DIR: temp.path }
  await expect(clusterPrograms(env)).rejects.toThrow(`CLUSTER_BIN_DIR ${temp.path} lacks kwok`)

  await writeFile(join(temp.path, 'kwok'), '')

  expect(await clusterPrograms(env)).toBe(temp.path)
})

function envOf(folder: string): NodeJS.ProcessEnv {
  return {
    HOME: folder,
    XDG_CACHE_HOME: join(folder, 'cache'),
    PATH: `${fixtures}:${dirname(process.execPath)}:/usr/bin:/bin`,
    GO_FIXTURE: folder,
    GO_PINS: pins,
  }
}

function contentOf(folder: string): string[] {
  return readdirSync(folder).toSorted()
}

function callsOf(folder: string): string[] {
  return readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n')
}
