import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { testCluster } from '#test/test-cluster'
import { expect, test } from 'vitest'
import { z } from 'zod'

const program = join(import.meta.dirname, '..', 'main.ts')
const running = z.object({ url: z.string(), pids: z.record(z.string(), z.number()) })
const PARTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok']

test('what was in the cluster is there after down and up, and pods go on getting ready', async () => {
  await using cluster = await testCluster()
  const namespace = await cluster.namespace()
  const pods = `/api/v1/namespaces/${namespace}/pods`
  const create = (name: string) =>
    cluster.api(pods, {
      method: 'POST',
      body: { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    })
  const isReady = (name: string) =>
    eventually(async () =>
      expect((await cluster.api(`${pods}/${name}`)).body).toMatchObject({
        status: { phase: 'Running' },
      }),
    )
  await create('before')
  await isReady('before')

  await cluster.down()
  await cluster.up()

  await isReady('before')
  await create('after')
  await isReady('after')
  expect((await cluster.api(`${pods}/before/log`)).body).toContain('nothing runs in it')
})

test('kill -9 of the process that runs the cluster leaves none of its programs behind', async () => {
  await using cluster = await startedByCommand()

  process.kill(cluster.pid, 'SIGKILL')

  await eventually(() => expect(cluster.alive()).toEqual([]))
})

test('a part that dies takes the whole cluster down, and its name is said', async () => {
  await using cluster = await startedByCommand()

  process.kill(cluster.pids['kube-scheduler'] ?? 0, 'SIGKILL')

  expect(await cluster.exited).toBe(1)
  expect(cluster.output()).toContain('kube-scheduler ended with SIGKILL')
  expect(cluster.alive()).toEqual([])
})

test('status, a second start, down and wipe each say what is so', async () => {
  await using cluster = await startedByCommand()
  const { folder } = cluster

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
})

test('secrets of the cluster are readable by its user alone and new in each cluster', async () => {
  await using first = await startedByCommand()
  const secrets = ['kubeconfig', 'restricted.kubeconfig', 'tokens.csv', 'service-account.key']

  const modes = secrets.map(async (name) => (await stat(join(first.folder, name))).mode & 0o777)

  expect(await Promise.all(modes)).toEqual(secrets.map(() => 0o600))
  expect(first.output()).not.toContain(await tokenIn(first.folder))
})

async function startedByCommand() {
  const temp = await tempFolder('storewright-command-')
  const folder = join(temp.path, 'cluster')
  const child = start(folder, 'up')
  const { pid } = child
  if (pid === undefined) throw new Error('the command was not started')
  const found = await eventually(
    async () => running.parse(JSON.parse(await readFile(join(folder, 'running.json'), 'utf8'))),
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
      await temp[Symbol.asyncDispose]()
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

async function tokenIn(folder: string): Promise<string> {
  const [token = ''] = (await readFile(join(folder, 'tokens.csv'), 'utf8')).split(',')
  expect(token).toHaveLength(43)
  return token
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
