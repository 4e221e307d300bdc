import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(`${root}/${path}`, 'utf8')

const schemas = [
  'shared/config/variables.ts',
  ...globSync('{services/*,embedded}/config.ts', { cwd: root }),
]
const described = [...read('.env.example').matchAll(/^([A-Z][A-Z0-9_]*)=/gm)].map(
  ([, name]) => name,
)

test('.env.example names every variable of every service', () => {
  const declared = schemas.flatMap((path) =>
    [...read(path).matchAll(/^\s+([A-Z][A-Z0-9_]*):/gm)].map(([, name]) => name),
  )
  expect(declared.length).toBeGreaterThan(30)
  expect([...new Set(declared)].filter((name) => !described.includes(name))).toEqual([])
})

test('.env.example names no variable that nothing reads', () => {
  const sources = globSync('{shared,services,embedded,tools}/**/*.{ts,js}', {
    cwd: root,
    exclude: (name) => name.endsWith('.test.ts'),
  })
  const code = sources.map((path) => read(path)).join('\n')
  expect(described.filter((name) => name !== undefined && !code.includes(name))).toEqual([])
})

test('.env.example names each variable once', () => {
  expect(described).toEqual([...new Set(described)])
})
