import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Paths, from the root, of the files that git tracks or would add. */
export function repositoryFiles(): string[] {
  const options = { cwd: root, encoding: 'utf8', timeout: 30_000 } as const
  const listed = execFileSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard'],
    options,
  )
  return listed.split('\n').filter((path) => path !== '' && existsSync(join(root, path)))
}

export function linesOf(path: string): string[] {
  return readFileSync(join(root, path), 'utf8').split('\n')
}
