import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import { tempFolder } from '#test/temp-folder'
import { whatIsMissing, type Given } from '#test/woocommerce/what-is-missing'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * `npm run test:woocommerce -- --wordpress DIR --woocommerce DIR`: the image's files with a real WordPress, or a
 * line that says by name what is missing and how to get it, and exit code 1. With `--older-wordpress` and
 * `--older-woocommerce` an upgrade is tested too. What follows `--` is for vitest.
 */
const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    wordpress: { type: 'string' },
    woocommerce: { type: 'string' },
    'older-wordpress': { type: 'string' },
    'older-woocommerce': { type: 'string' },
    kills: { type: 'string' },
  },
})
const missing = await whatIsMissing(given)
if (missing.length > 0) {
  process.stdout.write(
    `test:woocommerce not run:\n${missing.map((each) => `- ${each}\n`).join('')}`,
  )
  process.exitCode = 1
} else {
  const vitest = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'vitest.woocommerce.config.ts',
  ]
  const enter = fileURLToPath(new URL('../support/woocommerce/enter-world.sh', import.meta.url))
  const args = ['--net', '--mount', '--propagation', 'private', '--', 'sh', enter, process.execPath]
  await using memory = await tempFolder('storewright-memory-')
  const env = { ...folders(given), TMPDIR: memory.path }
  const options = { cwd: root, env, stdio: 'inherit', reject: false } as const
  const { exitCode = 1 } = await execa('unshare', [...args, ...vitest, ...positionals], options)
  process.exitCode = exitCode
}

/** How the tests are told. */
function folders(each: Given): NodeJS.ProcessEnv {
  return {
    WORDPRESS_DIR: each.wordpress,
    WOOCOMMERCE_DIR: each.woocommerce,
    OLDER_WORDPRESS_DIR: each['older-wordpress'],
    OLDER_WOOCOMMERCE_DIR: each['older-woocommerce'],
    KILLS: each.kills,
  }
}
