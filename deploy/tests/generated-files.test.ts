import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { filesIn, generatedFiles, libraryFolders } from '../generated-files.ts'

test.each([...(await generatedFiles())])(
  '%s is what `npm run charts` writes',
  async (path, text) => {
    expect(await readFile(path, 'utf8')).toBe(text)
  },
)

test.each(libraryFolders())('%s holds the library chart and nothing else', async (folder) => {
  const generated = new Set((await generatedFiles()).keys())
  const others = (await filesIn(folder)).filter((file) => !generated.has(join(folder, file)))
  expect(others).toEqual([])
})
