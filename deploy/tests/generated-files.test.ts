import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { generatedFiles } from '../generated-files.ts'

test.each([...(await generatedFiles())])(
  '%s is what `npm run charts` writes',
  async (path, text) => {
    expect(await readFile(path, 'utf8')).toBe(text)
  },
)
