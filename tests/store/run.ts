import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { imagesAreMade } from '../../tools/cluster/images/paths.ts'
import { whatImagesLack } from '../../tools/cluster/images/store-images.ts'
import { whatIsMissing } from '../../tools/cluster/real-node/preflight.ts'
import { notYetMade } from '../../tools/cluster/real-node/programs.ts'
import { storeTestNames } from './test-names.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const IF_WARM = '--if-warm'

/**
 * `npm run test:store`: the tests with real pods, or a line that says by name what they need and this machine
 * has not, and exit code 1. With `--if-warm` a machine that would first have to build something, or cannot
 * run them at all, is told apart from a failure: each test that is not run is named, the last line counts
 * them as skipped, and the exit code is 0.
 */
const given = process.argv.slice(2)
const ifWarm = given.includes(IF_WARM)
const missing = [...(await lacking()), ...(ifWarm ? await cold() : [])]
if (missing.length > 0) {
  const names = await storeTestNames(root)
  process.stdout.write(`${names.map((name) => `not run: ${name}`).join('\n')}\n`)
  process.stdout.write(`test:store not run: ${missing.join('; ')}\n`)
  process.stdout.write(`\n0 passed, 0 failed, ${names.length} skipped\n`)
  process.exitCode = ifWarm ? 0 : 1
} else {
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.store.config.ts']
  const args = [...vitest, ...given.filter((each) => each !== IF_WARM)]
  const options = { cwd: root, stdio: 'inherit', reject: false } as const
  const { exitCode = 1 } = await execa(process.execPath, args, options)
  process.exitCode = exitCode
}

/** What the machine itself has not. */
async function lacking(): Promise<string[]> {
  const forImages = (await imagesAreMade(process.env)) ? [] : await whatImagesLack()
  return [...new Set([...(await whatIsMissing()), ...forImages])]
}

/** What would have to be fetched or built first. */
async function cold(): Promise<string[]> {
  const { built, packages } = notYetMade(process.env)
  return [
    ...built.map((name) => `${name} is not built`),
    ...(packages ? ['the packages of the node are not fetched'] : []),
    ...((await imagesAreMade(process.env)) ? [] : ['the images are not made']),
  ]
}
