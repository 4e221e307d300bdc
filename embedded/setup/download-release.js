import { createHash } from 'node:crypto'
import { writeFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { withProgress } from './output.js'
import { run } from './run.js'

const ANSWER_TIMEOUT_MS = 5_000
const DOWNLOAD_TIMEOUT_MS = 300_000
const UNPACK_TIMEOUT_MS = 60_000

/** Fetches the release for this platform into `folder`, checks its checksum and unpacks it. */
export async function downloadRelease(tool, folder) {
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
