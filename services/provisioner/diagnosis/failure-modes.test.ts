import { readFile } from 'node:fs/promises'
import { failureReasons } from '#domain'
import { expect, test } from 'vitest'

test('docs/failure-modes.md explains every reason and no other', async () => {
  const page = await readFile(new URL('../../../docs/failure-modes.md', import.meta.url), 'utf8')
  const [, section = ''] = page.split('## A store is not ready')
  const [table = ''] = section.split('\n## ')
  const rows = [...table.matchAll(/^\| `([A-Z_]+)` +\|([^|]*)\|([^|]*)\|([^|]*)\|$/gm)]

  expect(rows.map(([, reason]) => reason)).toEqual([...failureReasons])
  const incomplete = rows.filter(([, , ...cells]) => cells.some((cell) => cell.trim() === ''))
  expect(incomplete.map(([row]) => row)).toEqual([])
})
