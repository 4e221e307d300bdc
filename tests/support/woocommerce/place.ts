import { randomBytes } from 'node:crypto'
import { chown, cp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { deployPath } from '../../../deploy/tests/rendering/render-chart.ts'
import { secretKeys } from '../../../deploy/tests/rendering/secret-keys.ts'
import { imageFiles, type ImageFiles } from './image-files.ts'

const WWW_DATA = 33
const COPY_LIMIT_MS = 120_000
const LOCAL_NAMES = ['localhost', 's-example-database', 'smtp.example.com']
const HTML = 'var/www/html'
const PLUGIN = `${HTML}/wp-content/plugins/woocommerce`

export interface Sources {
  wordpress: string
  woocommerce: string
}

/** Files of the Secrets a pod mounts, by folder below /run/secrets. */
export interface Secrets {
  store: Record<string, string>
  admin: Record<string, string>
  mail?: Record<string, string>
}

/**
 * Lays out in `folder` what a pod of the chart sees: the image's files, made of the Dockerfile and two folders, and
 * what is mounted. `certificate` is what the image trusts beside nothing.
 */
export async function makePlace(
  folder: string,
  sources: Sources,
  { secrets, certificate }: { secrets: Secrets; certificate: string | undefined },
): Promise<void> {
  const files = await imageFiles()
  await placeApache(folder, files.modules)
  await placeImage(folder, sources, files)
  await placeMounts(folder)
  await placeSecrets(folder, secrets)
  if (certificate !== undefined) await cp(certificate, join(folder, 'trusted.crt'))
}

/** Values for every key of the Secret, as the provisioner makes them. */
export async function newSecrets(): Promise<Secrets> {
  const keys = await secretKeys('woocommerce')
  const made = (mine: (key: string) => boolean) =>
    Object.fromEntries(keys.filter(mine).map((key) => [key, randomBytes(16).toString('hex')]))
  const isAdmins = (key: string) => key.startsWith('admin-')
  const admin = { ...made(isAdmins), 'admin-email': 'admin@shop.example.com' }
  return { store: made((key) => !isAdmins(key)), admin }
}

async function placeImage(folder: string, sources: Sources, { copied, removed }: ImageFiles) {
  const root = join(folder, 'root')
  await mkdir(join(root, dirname(HTML)), { recursive: true })
  await copyTree(sources.wordpress, join(root, HTML))
  for (const path of removed) await remove(join(root, path))
  await copyTree(sources.woocommerce, join(root, PLUGIN))
  await mkdir(join(root, HTML, 'wp-content/uploads'), { recursive: true })
  for (const { from, to } of copied)
    await cp(deployPath('images', 'woocommerce', from), placeOf(folder, to), { recursive: true })
  for (const name of ['usr', 'etc', 'dev', 'proc', 'tmp', 'run/apache2'])
    await mkdir(join(root, name), { recursive: true })
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) await symlink(`usr/${name}`, join(root, name))
}

/** What lies among the machine's own programs and settings is bound over them. */
function placeOf(folder: string, path: string): string {
  for (const [prefix, name] of [
    ['/etc/apache2/', 'etc-apache2'],
    ['/usr/local/', 'usr-local'],
  ] as const)
    if (path.startsWith(prefix)) return join(folder, name, path.slice(prefix.length))
  return join(folder, 'root', path)
}

/** Ten thousand files and more. */
async function copyTree(from: string, to: string): Promise<void> {
  await execa('cp', ['--recursive', '--no-target-directory', from, to], { timeout: COPY_LIMIT_MS })
}

async function remove(path: string): Promise<void> {
  const paths = path.endsWith('/*')
    ? (await readdir(dirname(path))).map((name) => join(dirname(path), name))
    : [path]
  for (const each of paths) await rm(each, { recursive: true, force: true })
}

/** Debian's Apache below the image's files: its modules, those the Dockerfile enables, and nothing else of it. */
async function placeApache(folder: string, modules: string[]): Promise<void> {
  const place = join(folder, 'etc-apache2')
  const filter = (from: string) => !/\/(sites-enabled|conf-enabled)\/|ports\.conf$/.test(from)
  await cp('/etc/apache2', place, { recursive: true, verbatimSymlinks: true, force: false, filter })
  const available = await readdir(join(place, 'mods-available'))
  const enabled = await readdir(join(place, 'mods-enabled'))
  for (const file of modules.flatMap((name) => [`${name}.load`, `${name}.conf`]))
    if (available.includes(file) && !enabled.includes(file))
      await symlink(`../mods-available/${file}`, join(place, 'mods-enabled', file))
}

async function placeMounts(folder: string): Promise<void> {
  await writeFile(join(folder, 'hosts'), `127.0.0.1 ${LOCAL_NAMES.join(' ')}\n`)
  for (const name of ['tmp', 'run', 'uploads']) {
    const path = join(folder, 'writable', name)
    await mkdir(path, { recursive: true })
    await chown(path, WWW_DATA, WWW_DATA)
  }
}

async function placeSecrets(folder: string, secrets: Secrets): Promise<void> {
  for (const [name, files] of Object.entries<Record<string, string>>({ ...secrets })) {
    const mounted = join(folder, 'root/run/secrets', name)
    await mkdir(mounted, { recursive: true })
    for (const [key, value] of Object.entries(files)) {
      await writeFile(join(mounted, key), value, { mode: 0o440 })
      await chown(join(mounted, key), 0, WWW_DATA)
    }
  }
}
