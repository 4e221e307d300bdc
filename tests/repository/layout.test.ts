import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { linesOf, repositoryFiles } from './files.ts'

const FILES_MAX = 380
const FOLDERS_MAX = 80
const FOLDER_FILES_MAX = 12
const LINES_MAX = 250

const isInHouse = (path: string) => /^(shared|services|embedded|tools)\//.test(path)
const isSource = (path: string) =>
  /\.(ts|js)$/.test(path) &&
  !path.endsWith('.test.ts') &&
  !path.endsWith('.d.ts') &&
  !path.includes('/fixtures/')

test('the house stays small: files, folders, files of a folder', () => {
  const inHouse = repositoryFiles().filter(isInHouse)
  const sources = inHouse.filter(isSource)
  const folders = new Set(inHouse.map((path) => dirname(path)))
  const crowded = [...folders].filter(
    (folder) => sources.filter((path) => dirname(path) === folder).length > FOLDER_FILES_MAX,
  )

  expect(sources.length).toBeLessThanOrEqual(FILES_MAX)
  expect(folders.size).toBeLessThanOrEqual(FOLDERS_MAX)
  expect(crowded).toEqual([])
})

test('no source file is longer than a reader takes in at once', () => {
  const long = repositoryFiles()
    .filter((path) => isInHouse(path) && isSource(path))
    .map((path) => `${path}: ${linesOf(path).length - 1} lines`)
    .filter((line) => Number(/: (\d+) lines/.exec(line)?.[1]) > LINES_MAX)

  expect(long).toEqual([])
})
