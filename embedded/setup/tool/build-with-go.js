import { join } from 'node:path'
import { onPath } from './on-path.js'
import { withProgress } from '../output.js'
import { run, systemEnv } from '../run.js'

const BUILD_TIMEOUT_MS = 1_800_000

/** Builds the pinned version into `folder`; Go checks the sources against its checksum database. */
export async function buildWithGo(tool, folder) {
  const [go] = await onPath('go')
  if (go === undefined) throw new Error('Go is not on PATH')
  const text = `building ${tool.version} with Go, once, about ${tool.buildTime}`
  const env = { ...systemEnv(), GOBIN: folder, GOFLAGS: '', CGO_ENABLED: '0' }
  await withProgress(tool.name, text, () =>
    run(go, ['install', ...tool.goFlags, tool.goPackage], {
      timeoutMs: BUILD_TIMEOUT_MS,
      env,
    }),
  )
  return join(folder, tool.name)
}
