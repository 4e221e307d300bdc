import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { generatedFiles, libraryFolders } from './generated-files.ts'

const files = await generatedFiles()
for (const folder of libraryFolders()) await rm(folder, { recursive: true, force: true })
for (const [path, text] of files) {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
  process.stdout.write(`${path}\n`)
}
