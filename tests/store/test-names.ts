import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'

const FILES = '{tools,tests}/**/*.store.test.ts'
const NAME = /^test\(\s*(['"])(?<name>.*?)\1,/gm

/** The tests that need real pods, each as `file > name`: read, not run, so that one can say what was not run. */
export async function storeTestNames(root: string): Promise<string[]> {
  const files: string[] = []
  for await (const file of glob(FILES, { cwd: root })) files.push(file)
  const names = files.toSorted().map(async (file) => {
    const text = await readFile(join(root, file), 'utf8')
    return [...text.matchAll(NAME)].map(({ groups }) => `${file} > ${groups?.['name'] ?? ''}`)
  })
  return (await Promise.all(names)).flat()
}
