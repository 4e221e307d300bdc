import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { z } from 'zod'
import { cached } from './cache.ts'
import { type ClientSuite, type Counts, endedEarly, programOptions } from './suite.ts'

const folder = fileURLToPath(new URL('python', import.meta.url))
const program = fileURLToPath(new URL('../../embedded/eventstore/main.ts', import.meta.url))
const PYTHON_AT_LEAST = [3, 9]
const LOOK_LIMIT_MS = 30_000
const WHAT_IT_IS =
  'import sys, sysconfig; print(sys.implementation.cache_tag, sysconfig.get_platform())'

/** Our own suite of Python clients, run with the one from this package. */
export function pythonSuite(name: 'esdbclient' | 'kurrentdbclient', version: string): ClientSuite {
  const packages = async () => {
    const wanted = await readFile(`${folder}/requirements.txt`, 'utf8')
    return cached('clients-python', [wanted, await ask(['-c', WHAT_IT_IS])])
  }
  return {
    name: `Python ${name} ${version}`,
    lacking: async () => {
      const said = await ask(['--version'])
      const [, major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(said) ?? []).map(Number)
      const [atLeast = 0, atLeastMinor = 0] = PYTHON_AT_LEAST
      if (major > atLeast || (major === atLeast && minor >= atLeastMinor)) return []
      return [`python3 of ${PYTHON_AT_LEAST.join('.')} or later is not on PATH`]
    },
    isWarm: async () => (await packages()).isMade(),
    run: async () => {
      const path = await (await packages()).made(install)
      return runSuite(name, path)
    },
  }
}

async function install(target: string): Promise<void> {
  const requirements = `${folder}/requirements.txt`
  const pip = ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', '--target', target]
  const { exitCode } = await execa('python3', [...pip, '-r', requirements], programOptions)
  if (exitCode !== 0) throw new Error('pip could not install the packages: see its words above')
}

async function runSuite(name: string, packages: string): Promise<Counts> {
  const { stdout, exitCode } = await execa('python3', [`${folder}/suite.py`, name], {
    ...programOptions,
    env: {
      EVENT_STORE_COMMAND: JSON.stringify([process.execPath, program]),
      PYTHONPATH: packages,
      PYTHONNOUSERSITE: '1',
      PYTHONDONTWRITEBYTECODE: '1',
    },
  })
  const last = stdout.trimEnd().split('\n').at(-1) ?? ''
  if (!last.startsWith('{')) return endedEarly(`${name} ended with ${exitCode} before it counted`)
  return counts.parse(JSON.parse(last))
}

const counts = z.object({
  passed: z.number(),
  failed: z.array(z.string()),
  skipped: z.number(),
})

/** What python3 prints, nothing where there is none. */
async function ask(args: string[]): Promise<string> {
  const { stdout } = await execa('python3', args, { reject: false, timeout: LOOK_LIMIT_MS })
  return stdout ?? ''
}
