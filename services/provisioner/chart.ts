import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { load } from 'js-yaml'
import { z } from 'zod'
import { AppError, type Engine } from '#domain'
import { engineRegistry } from './engines/registry.ts'

export interface Chart {
  name: string
  version: string
  /** The chart's folder. */
  path: string
  /** SHA-256 over the names and contents of its files, hex. */
  digest: string
}

const chartFile = z.object({ name: z.string(), version: z.string() })

/** The chart of an engine as it lies on disk now. Throws CHART_INVALID. */
export async function readChart(chartsDir: string, engine: Engine): Promise<Chart> {
  const path = folderOf(chartsDir, engine)
  try {
    const digest = await digestOf(path)
    const { name, version } = chartFile.parse(
      load(await readFile(join(path, 'Chart.yaml'), 'utf8')),
    )
    return { name, version, path, digest }
  } catch (cause) {
    throw new AppError('CHART_INVALID', `The chart of ${engine} in ${path} cannot be read`, {
      cause,
      retryable: true,
    })
  }
}

/** In place of a chart that cannot be read: a deployment with it fails, a removal does not need it. */
export function unreadableChart(chartsDir: string, engine: Engine): Chart {
  return {
    name: engine,
    version: 'unknown',
    path: folderOf(chartsDir, engine),
    digest: 'unreadable',
  }
}

const folderOf = (chartsDir: string, engine: Engine): string =>
  join(chartsDir, engineRegistry[engine].chart)

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => !entry.isDirectory())
  const names = files.map(({ parentPath, name }) => relative(path, join(parentPath, name)))
  for (const name of names.toSorted()) {
    const content = await readFile(join(path, name))
    hash.update(`${name.split(sep).join('/')}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}
