import { execFile } from 'node:child_process'
import { appendFile, cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { tempFolder } from '#test/temp-folder'
import { wholeApi } from './api.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const client = join(root, 'clients/typescript')
const binaries = join(root, 'node_modules/.bin')
const bundled = ['openapi-fetch', 'openapi-typescript-helpers']

const program = `
import { createClient, dataOf, type Store } from '@storewright/client'

declare const process: { env: Record<string, string>; stdout: { write: (text: string) => void } }
const { baseUrl = '', credential = '', tenant = '' } = process.env
const { api, stores, waitUntilReady } = createClient({ baseUrl, credential, tenant })
const body = { name: 'Packed', engine: 'medusa' } as const
const { store } = dataOf(await api.POST('/api/v1/stores', { body }))
process.stdout.write(store.id + '\\n')
const ready: Store = await waitUntilReady(store.id)
const listed: string[] = []
// Lists follow the log: it may take a moment.
do for await (const { id } of stores({ status: 'ready' })) listed.push(id)
while (listed.length === 0)
process.stdout.write(JSON.stringify({ status: ready.status, listed }) + '\\n')
// @ts-expect-error There is no such engine.
void (() => api.POST('/api/v1/stores', { body: { name: 'X', engine: 'other' } }))
`

// Packing, installing and compiling take a busy machine long.
const patient = { timeout: 180_000 }

const settings = {
  compilerOptions: {
    target: 'es2022',
    lib: ['es2023', 'dom'],
    module: 'nodenext',
    types: [],
    strict: true,
    outDir: 'out',
    rootDir: '.',
  },
  include: ['*.ts'],
}

test(
  'the packed client is installed without a network and works, with its types',
  patient,
  async () => {
    await using folder = await tempFolder('storewright-client-')
    await using world = await wholeApi()
    const source = join(folder.path, 'source')
    const user = join(folder.path, 'user')
    const env = {
      ...process.env,
      PATH: [binaries, process.env['PATH']].join(delimiter),
      npm_config_cache: join(folder.path, 'cache'),
      npm_config_offline: 'true',
      npm_config_update_notifier: 'false',
    }
    for (const name of ['package.json', 'tsconfig.json', 'README.md', 'src'])
      await cp(join(client, name), join(source, name), { recursive: true })
    for (const name of bundled)
      await cp(join(root, 'node_modules', name), join(source, 'node_modules', name), {
        recursive: true,
      })
    await mkdir(user)
    await writeFile(join(user, 'package.json'), '{"type":"module","private":true}')
    await writeFile(join(user, 'tsconfig.json'), JSON.stringify(settings))
    await writeFile(join(user, 'program.ts'), program)

    await run('npm', ['pack', '--pack-destination', folder.path], { cwd: source, env })
    const packed = (await readdir(folder.path)).filter((name) => name.endsWith('.tgz'))
    await run('npm', ['install', join(folder.path, packed.join())], { cwd: user, env })
    await run('tsc', ['-p', user], { env })
    const running = run('node', ['out/program.js'], {
      cwd: user,
      env: { ...env, ...world.options },
    })
    const [id = ''] = await Promise.race([
      new Promise<string[]>((resolve) =>
        running.child.stdout?.once('data', (text) => resolve(String(text).split('\n'))),
      ),
      running.then(({ stderr }) => Promise.reject(new Error(`ended without an id: ${stderr}`))),
    ])
    await world.provision(id)
    const { stdout } = await running

    expect(JSON.parse(stdout.split('\n')[1] ?? '')).toEqual({ status: 'ready', listed: [id] })
  },
)

test('types that are not of the present document are noticed, and so are changed ones', async () => {
  await using folder = await tempFolder('storewright-client-')
  const typescript = join(folder.path, 'typescript')
  const document = join(folder.path, 'openapi.json')
  const restore = async () => {
    await cp(join(client, '../openapi.json'), document)
    await cp(join(client, 'src'), join(typescript, 'src'), { recursive: true })
    await cp(join(client, 'generate.ts'), join(typescript, 'generate.ts'))
  }
  const check = () => run(join(binaries, 'node'), [join(typescript, 'generate.ts'), '--check'])

  await restore()
  await check()
  await appendFile(document, ' ')
  await expect(check()).rejects.toThrow('run npm run client:generate')
  await restore()
  await appendFile(join(typescript, 'src/schema.ts'), '\n')
  await expect(check()).rejects.toThrow('run npm run client:generate')
})
