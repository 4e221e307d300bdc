import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { testCluster } from '#test/cluster/test-cluster'
import { testNamespace } from '#test/cluster/test-namespace'
import { expect, test } from 'vitest'
import { z } from 'zod'

const program = join(import.meta.dirname, 'main.ts')
const running = z.object({ url: z.string(), pids: z.record(z.string(), z.number()) })
const PARTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok']

test('what was in the cluster is there after down and up, and pods go on getting ready', async () => {
  await using cluster = await testCluster()
  const namespace = await testNamespace(cluster.api)
  const spec = { containers: [{ name: 'c', image: 'i' }] }
  const create = (name: string) => namespace.create('api/v1/pods', { metadata: { name }, spec })
  const isReady = (name: string) =>
    eventually(async () => {
      const { body } = await namespace.get(`api/v1/pods/${name}`)
      expect(body).toMatchObject({ status: { phase: 'Running' } })
    })
  await create('before')
  await isReady('before')

  await cluster.down()
  await cluster.up()

  await isReady('before')
  await create('after')
  await isReady('after')
  expect((await namespace.get('api/v1/pods/before/log')).body).toContain('nothing runs in it')
})

test('kill -9 of the process that runs the cluster leaves none of its programs behind', async () => {
  await using temp = await tempFolder('storewright-command-')
  await using cluster = await startedByCommand(temp.path)

  process.kill(cluster.pid, 'SIGKILL')

  await eventually(() => expect(cluster.alive()).toEqual([]))
  await using next = await startedByCommand(temp.path)
  expect(next.url).toBe(cluster.url)
})

test('a component that dies takes the whole cluster down, and its name is said', async () => {
  await using temp = await tempFolder('storewright-command-')
  await using cluster = await startedByCommand(temp.path)

  process.kill(cluster.pids['kube-scheduler'] ?? 0, 'SIGKILL')

  expect(await cluster.exited).toBe(1)
  expect(cluster.output()).toContain('kube-scheduler ended with SIGKILL')
  expect(cluster.alive()).toEqual([])
})

test('status, a second start, down and wipe each say what is so, and no secret', async () => {
  await using temp = await tempFolder('storewright-command-')
  await using cluster = await startedByCommand(temp.path)
  const { folder } = cluster

  const [secret = ''] = (await readFile(join(folder, 'tokens.csv'), 'utf8')).split(',')

  expect(await command(folder, 'status')).toMatchObject({
    code: 0,
    output: expect.stringContaining(`The cluster runs at ${cluster.url}`),
  })
  expect(await command(folder, 'up')).toMatchObject({
    code: 1,
    output: expect.stringContaining(`A cluster runs in ${folder} already (pid ${cluster.pid})`),
  })
  expect(await command(folder, 'down')).toMatchObject({
    code: 0,
    output: 'The cluster is down; its data is kept.\n',
  })
  expect(await cluster.exited).toBe(0)
  expect(cluster.alive()).toEqual([])
  expect(await command(folder, 'status')).toMatchObject({ code: 1 })
  expect(await command(folder, 'wipe')).toMatchObject({ code: 0 })
  expect(existsSync(folder)).toBe(false)
  expect(secret).toHaveLength(43)
  expect(cluster.output()).not.toContain(secret)
})

async function startedByCommand(parent: string) {
  const folder = join(parent, 'cluster')
  const child = start(folder, 'up')
  const { pid } = child
  if (pid === undefined) throw new Error('the command was not started')
  const found = await eventually(
    async () => {
      expect(child.output()).toContain('Kubernetes is up')
      return running.parse(JSON.parse(await readFile(join(folder, 'running.json'), 'utf8')))
    },
    { timeoutMs: 60_000 },
  )
  expect(Object.keys(found.pids)).toEqual(PARTS)
  return {
    ...found,
    pid,
    folder,
    exited: child.ended.then(({ code }) => code),
    output: child.output,
    alive: () => PARTS.filter((name) => isAlive(found.pids[name] ?? 0)),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await child.ended
      await eventually(() => expect(Object.values(found.pids).filter(isAlive)).toEqual([]))
    },
  }
}

async function command(folder: string, name: string) {
  return start(folder, name).ended
}

function start(folder: string, name: string) {
  const child = spawn(process.execPath, [program, '--folder', folder, name])
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')))
  const ended = once(child, 'close').then(([code]) => ({ code, output: text }))
  return Object.assign(child, { ended, output: () => text })
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
