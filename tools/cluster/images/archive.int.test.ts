import { createHash } from 'node:crypto'
import { mkdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { tempFolder } from '#test/temp-folder'
import { packArchive, packLayer } from './archive.ts'
import { markRemoved, removedFrom } from './debian/whiteouts.ts'
import { packagesLayer } from './medusa-image.ts'

const manifest = z.array(
  z.object({ Config: z.string(), RepoTags: z.array(z.string()), Layers: z.array(z.string()) }),
)
const configuration = z.object({
  config: z.looseObject({}),
  rootfs: z.object({ diff_ids: z.array(z.string()) }),
})
const put = async (path: string, content = '') => {
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, content)
}
const read = async (archive: string, path: string) =>
  (await execa('tar', ['--extract', '--to-stdout', '--file', archive, path])).stdout
const names = async (archive: string) =>
  (await execa('tar', ['--list', '--file', archive])).stdout.split('\n')

test('an archive holds each layer and its digest, the lowest first', async () => {
  await using folder = await tempFolder()
  const layers = ['below.tar', 'above.tar'].map((name) => join(folder.path, name))
  for (const layer of layers) await put(layer, `content of ${layer}`)
  const file = join(folder.path, 'image.tar')
  const config = { Env: ['A=b'], Cmd: ['run', 'this'] }
  await packArchive(file, { reference: 'storewright.invalid/shop:1', config, layers })

  const [image] = manifest.parse(JSON.parse(await read(file, 'manifest.json')))
  const said = configuration.parse(JSON.parse(await read(file, image?.Config ?? '')))
  expect(image).toMatchObject({
    RepoTags: ['storewright.invalid/shop:1'],
    Layers: ['below.tar', 'above.tar'],
  })
  expect(said.config).toEqual(config)
  const digests = layers.map(
    (layer) => `sha256:${createHash('sha256').update(`content of ${layer}`).digest('hex')}`,
  )
  expect(said.rootfs.diff_ids).toEqual(digests)
  expect(await read(file, 'above.tar')).toBe(`content of ${layers[1]}`)
})

test('the same files packed at another time are the same layer', async () => {
  await using folder = await tempFolder()
  const file = join(folder.path, 'files', 'one')
  await put(file, 'same')
  const pack = async (name: string) =>
    readFile(await packLayer(join(folder.path, name), ['--directory', folder.path, 'files']))
  const first = await pack('first.tar')
  await utimes(file, 1, 1)
  expect(await pack('second.tar')).toEqual(first)
})

test('packages that the build alone needs stay out of the image, others of a like name do not', async () => {
  await using folder = await tempFolder()
  const app = join(folder.path, 'app')
  const packages = { '': {}, 'node_modules/ts': { dev: true }, 'node_modules/ts-api': {} }
  await put(join(app, 'package-lock.json'), JSON.stringify({ packages }))
  await put(join(app, 'node_modules/ts/index.js'))
  await put(join(app, 'node_modules/ts-api/index.js'))
  await put(join(app, 'node_modules/ts-api/node_modules/ts/index.js'))

  const held = await names(await packagesLayer(app, folder.path))
  expect(held.filter((name) => name.endsWith('.js'))).toEqual([
    'app/node_modules/ts-api/index.js',
    'app/node_modules/ts-api/node_modules/ts/index.js',
  ])
})

test('what a layer removes of those below it is marked, also in a folder that was made again', async () => {
  await using folder = await tempFolder()
  const [lower, upper, root] = ['lower', 'upper', 'root'].map((name) => join(folder.path, name))
  if (lower === undefined || upper === undefined || root === undefined) return
  await put(join(lower, 'etc/kept'))
  await put(join(lower, 'etc/gone'))
  await put(join(lower, 'cache/old/list'))
  await put(join(root, 'etc/kept'))
  await put(join(root, 'cache/new'))
  await put(join(upper, 'etc/gone'), 'as the overlay marks it')
  await put(join(upper, 'cache/new'))

  const removed = await removedFrom({ lower, upper, root })
  for (const path of removed) await markRemoved(join(upper, path))

  expect(removed.toSorted()).toEqual(['/cache/old', '/etc/gone'])
  const layer = await packLayer(join(folder.path, 'layer.tar'), ['--directory', upper, '.'])
  expect((await names(layer)).filter((name) => !name.endsWith('/')).toSorted()).toEqual([
    './cache/.wh.old',
    './cache/new',
    './etc/.wh.gone',
  ])
})
