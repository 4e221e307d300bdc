import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'

const npm = `#!/bin/sh
case "$*" in
  test) printf 'a file \\000@virtual\\nfailed: a test\\n5 passed, 1 failed, 2 skipped\\n'; exit 1 ;;
  *) printf '3 passed, 0 failed, 0 skipped\\n' ;;
esac
`

test('.ci/run adds up all suites and names what failed, whatever bytes they print', async () => {
  await using folder = await tempFolder('storewright-ci-')
  const at = (...parts: string[]) => join(folder.path, ...parts)
  for (const path of ['.ci', 'bin', 'embedded/setup']) await mkdir(at(path), { recursive: true })
  await copyFile(new URL('../../.ci/run', import.meta.url), at('.ci', 'run'))
  await writeFile(at('embedded', 'setup', 'main.js'), '')
  await writeFile(at('bin', 'npm'), npm, { mode: 0o755 })
  const env = { PATH: `${at('bin')}${delimiter}${process.env['PATH']}` }

  const { stdout, exitCode } = await execa('bash', [at('.ci', 'run')], { env, reject: false })

  expect(stdout.split('\n').slice(-2)).toEqual(['failed: a test', '14 passed, 1 failed, 2 skipped'])
  expect(exitCode).toBe(1)
})
