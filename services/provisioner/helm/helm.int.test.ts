import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { tempFolder } from '#test/temp-folder'
import { afterEach, expect, test, vi } from 'vitest'
import { toolPath } from '../../../embedded/tools.ts'
import { openHelm } from './helm.ts'

const ofTheShell = {
  HELM_DRIVER: 'sql',
  HELM_DRIVER_SQL_CONNECTION_STRING: 'postgres://nobody@127.0.0.1:1/nowhere',
  HELM_KUBECONTEXT: 'elsewhere',
  HELM_KUBEAPISERVER: 'https://127.0.0.1:1',
  HELM_NAMESPACE: 'elsewhere',
  HELM_PLUGINS: '/nonexistent',
  HELM_DEBUG: 'true',
  HELM_CACHE_HOME: '/nonexistent',
  KUBECONFIG: '/nonexistent',
  KUBERNETES_SERVICE_HOST: '127.0.0.1',
  XDG_DATA_HOME: '/nonexistent',
}

afterEach(() => vi.unstubAllEnvs())

test('helm sees no variable of the shell that means something to it', async () => {
  await using folder = await tempFolder()
  const print = 'console.log(JSON.stringify(process.env))'

  const env: unknown = JSON.parse(await printedBy(folder.path, ['-e', print]))

  expect(env).toMatchObject({ HELM_CACHE_HOME: join(folder.path, 'helm-cache') })
  const meant = Object.keys(env ?? {}).filter((name) => /^(HELM|KUBE|XDG)/.test(name))
  expect(meant.toSorted()).toEqual(['HELM_CACHE_HOME', 'HELM_CONFIG_HOME', 'HELM_DATA_HOME'])
})

test('a real helm is usable whatever the shell says to it', async () => {
  await using folder = await tempFolder()
  await expect(helmIn(folder.path, toolPath('helm')).checkVersion()).resolves.toMatch(/^v\d/)
})

test('a helm whose output cannot be written is not called unsuitable: the folder is named', async () => {
  await using folder = await tempFolder()
  const helm = helmIn(folder.path, toolPath('helm'))
  await rm(folder.path, { recursive: true })

  await expect(helm.checkVersion()).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(`${folder.path} (TMPDIR)`),
  })
})

function helmIn(workDir: string, executable: string) {
  for (const [name, value] of Object.entries(ofTheShell)) vi.stubEnv(name, value)
  const times = { limitMs: 60_000, killAfterMs: 1_000, heartbeatTimeoutMs: 10_000 }
  return openHelm({ executable, workDir, ...times })
}

async function printedBy(workDir: string, args: string[]): Promise<string> {
  const stdoutFile = join(workDir, 'stdout')
  const deadline = () => process.hrtime.bigint() + 60_000_000_000n
  const { signal } = new AbortController()
  await helmIn(workDir, process.execPath).run(args, stdoutFile, { signal, deadline })
  return readFile(stdoutFile, 'utf8')
}
