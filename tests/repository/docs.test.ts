import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { linesOf, repositoryFiles, root } from './files.ts'

const LINE_MAX = 120
const pages = repositoryFiles().filter((path) => path.endsWith('.md'))

test('lines of docs fit a page, but for tables, code and links', () => {
  const long = pages.flatMap((page) =>
    linesOf(page)
      .map((line, index) => ({ line, at: `${page}:${index + 1}` }))
      .filter(({ line }) => line.length > LINE_MAX && !/^\s*\||https?:\/\/|^ {4}/.test(line))
      .map(({ at }) => at),
  )
  expect(long.filter((at) => !isInCode(at))).toEqual([])
})

test('every link and every path that the docs name leads somewhere', () => {
  const dead = pages.flatMap((page) => {
    const text = linesOf(page).join('\n')
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, to]) =>
      join(dirname(page), to ?? ''),
    )
    const paths = [
      ...text.matchAll(/`((?:shared|services|embedded|tools|deploy|tests|docs)\/[\w./-]+)`/g),
    ].map(([, to]) => to ?? '')
    return [...links, ...paths]
      .filter((to) => !existsSync(join(root, to)))
      .map((to) => `${page} → ${to}`)
  })

  expect(dead).toEqual([])
})

function isInCode(at: string): boolean {
  const [page = '', line = '0'] = at.split(':')
  const before = linesOf(page).slice(0, Number(line))
  return before.filter((each) => each.startsWith('```')).length % 2 === 1
}
