import { createHash } from 'node:crypto'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { withLock } from './lock.js'
import { say, withProgress } from './output.js'
import { onPath, run, systemEnv } from './run.js'
import { suitableVersion } from './tools.js'

/** Finds or makes a tool; each way is tried in turn, and a refusal names all of them. */
export async function installTool(tool) {
  const tried = []
  const found = (await given(tool)) ?? (await installed(tool, tried))
  if (found) return found
  const folder = cacheFolder()
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw new Error(`The cache folder ${folder} cannot be made: ${error.message}`, { cause: error })
  })
  return withLock(join(folder, `${tool.name}-${tool.version}.lock`), tool.name, async () => {
    const cached = join(folder, `${tool.name}-${tool.version}`, tool.name)
    for (const { origin, make } of ways(cached)) {
      try {
        return { path: cached, version: await make(tool), origin: `${origin} (${cached})` }
      } catch (error) {
        tried.push(`${origin}: ${error.message}`)
      }
    }
    throw refusal(tool, tried)
  })
}

function ways(cached) {
  const placed = (make) => (tool) => makeAndPlace(tool, cached, make)
  return [
    { origin: 'from the cache', make: (tool) => suitableVersion(tool, cached) },
    { origin: 'from its official release', make: placed(downloadRelease) },
    { origin: 'built with Go', make: placed(buildWithGo) },
  ]
}

/** A program is moved into the cache only after it has run and printed its version, in one step. */
async function makeAndPlace(tool, cached, make) {
  // Under the lock it is nobody else's; one that was killed may have left it.
  const making = join(cacheFolder(), `${tool.name}-${tool.version}.making`)
  await rm(making, { recursive: true, force: true })
  await mkdir(making)
  try {
    const version = await suitableVersion(tool, await make(tool, making))
    await rm(join(cached, '..'), { recursive: true, force: true })
    await mkdir(join(making, 'done'))
    await rename(join(making, tool.name), join(making, 'done', tool.name))
    await rename(join(making, 'done'), join(cached, '..'))
    return version
  } finally {
    await rm(making, { recursive: true, force: true })
  }
}

async function given(tool) {
  const path = process.env[tool.variable]
  if (!path) return undefined
  try {
    return { path, version: await suitableVersion(tool, path), origin: `from ${tool.variable}` }
  } catch (error) {
    throw new Error(`${tool.variable} is ${path}, which cannot be used: ${error.message}`, {
      cause: error,
    })
  }
}

async function installed(tool, tried) {
  const paths = await onPath(tool.name)
  if (paths.length === 0) tried.push('on PATH: none')
  for (const path of paths) {
    try {
      return { path, version: await suitableVersion(tool, path), origin: `from PATH (${path})` }
    } catch (error) {
      tried.push(`on PATH: ${error.message}`)
    }
  }
  return undefined
}

function cacheFolder() {
  const base = process.env.XDG_CACHE_HOME
  return join(base && isAbsolute(base) ? base : join(homedir(), '.cache'), 'storewright')
}

function refusal(tool, tried) {
  const byHand = `Install ${tool.name} ${tool.version} by hand from ${tool.releases}/${tool.archive} and put it on PATH, or set ${tool.variable} to it.`
  return new Error(
    [`${tool.name} is missing.`, ...tried.map((way) => `  - ${way}`), byHand].join('\n'),
  )
}

const BUILD_TIMEOUT_MS = 1_800_000

/** Builds the pinned version into `folder`; Go checks the sources against its checksum database. */
async function buildWithGo(tool, folder) {
  const [go] = await onPath('go')
  if (go === undefined) throw new Error('Go is not on PATH')
  const text = `building ${tool.version} with Go, once, about ${tool.buildTime}`
  say(tool.name, `${text}; one on PATH or in ${tool.variable} would spare it`)
  const env = { ...systemEnv(), GOBIN: folder, GOFLAGS: '', CGO_ENABLED: '0' }
  await withProgress(tool.name, text, () =>
    run(go, ['install', ...tool.goFlags, tool.goPackage], {
      timeoutMs: BUILD_TIMEOUT_MS,
      env,
    }),
  )
  return join(folder, tool.name)
}

const ANSWER_TIMEOUT_MS = 5_000
const DOWNLOAD_TIMEOUT_MS = 300_000
const UNPACK_TIMEOUT_MS = 60_000

/** Fetches the release for this platform into `folder`, checks its checksum and unpacks it. */
async function downloadRelease(tool, folder) {
  const base = (process.env.STOREWRIGHT_MIRROR || tool.releases).replace(/\/$/, '')
  const text = `downloading ${tool.version} from ${base}`
  return withProgress(tool.name, text, async () => {
    const sums = (await fetchFile(`${base}/${tool.checksums}`)).toString('utf8')
    const archive = await fetchFile(`${base}/${tool.archive}`)
    verify(archive, expectedSum(sums, tool), `${base}/${tool.archive}`)
    const file = join(folder, 'archive.tar.gz')
    await writeFile(file, archive)
    await run('tar', ['-xzf', file, '-C', folder], { timeoutMs: UNPACK_TIMEOUT_MS })
    const path = join(folder, tool.name)
    await rename(join(folder, tool.inArchive), path)
    return path
  })
}

async function fetchFile(url) {
  const stop = new AbortController()
  const late = (what, ms) => setTimeout(() => stop.abort(new Error(what)), ms)
  const whole = late(`not there after ${DOWNLOAD_TIMEOUT_MS / 1_000} s`, DOWNLOAD_TIMEOUT_MS)
  const answer = late(`no answer within ${ANSWER_TIMEOUT_MS / 1_000} s`, ANSWER_TIMEOUT_MS)
  try {
    const response = await fetch(url, { signal: stop.signal })
    clearTimeout(answer)
    if (!response.ok) throw new Error(`answers ${response.status}`)
    return Buffer.from(await response.arrayBuffer())
  } catch (error) {
    throw new Error(`${url}: ${error.cause?.message ?? error.message}`, { cause: error })
  } finally {
    clearTimeout(answer)
    clearTimeout(whole)
  }
}

function expectedSum(sums, tool) {
  const line = sums.split('\n').find((each) => each.trim().endsWith(tool.archive))
  if (line) return line.trim().split(/\s+/)[0].toLowerCase()
  throw new Error(`${tool.checksums} holds no checksum of ${tool.archive}`)
}

function verify(archive, expected, url) {
  const actual = createHash('sha256').update(archive).digest('hex')
  if (actual !== expected) {
    throw new Error(`${url} has the checksum ${actual}, its release says ${expected}: not used`)
  }
}
