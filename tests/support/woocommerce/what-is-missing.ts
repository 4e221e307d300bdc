import { access, constants } from 'node:fs/promises'
import { delimiter, join, resolve } from 'node:path'

export interface Given {
  wordpress?: string | undefined
  woocommerce?: string | undefined
  'older-wordpress'?: string | undefined
  'older-woocommerce'?: string | undefined
  kills?: string | undefined
}

const programs = {
  unshare: 'util-linux',
  ip: 'iproute2',
  php: 'php-cli php-mysql php-gd php-mbstring php-xml php-intl php-zip php-curl',
  apache2: 'apache2 libapache2-mod-php',
  mariadbd: 'mariadb-server',
  'mariadb-install-db': 'mariadb-server',
  openssl: 'openssl',
}
const folders = [
  ['wordpress', 'wp-includes/version.php', 'https://wordpress.org/download/releases/'],
  [
    'woocommerce',
    'woocommerce.php',
    'https://downloads.wordpress.org/plugin/woocommerce.<version>.zip',
  ],
] as const

/** What the tests need and this machine or command has not, each with the way to get it. */
export async function whatIsMissing(given: Given): Promise<string[]> {
  if (process.platform !== 'linux') return ['Linux: namespaces of its kernel are the containers']
  const missing = process.getuid?.() === 0 ? [] : ['root: mounts and a network of its own are made']
  for (const [name, packages] of Object.entries(programs))
    if (!(await isOnPath(name))) missing.push(`${name}: apt-get install ${packages}`)
  for (const [name, file, where] of folders) {
    const folder = given[name]
    const option = `--${name} DIR: an unpacked ${name}, from ${where}`
    if (folder === undefined) missing.push(option)
    else if (!(await can(join(folder, file), constants.R_OK)))
      missing.push(`${resolve(folder, file)}: ${option}`)
  }
  return missing
}

async function isOnPath(name: string): Promise<boolean> {
  const paths = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
  const found = await Promise.all(paths.map((folder) => can(join(folder, name), constants.X_OK)))
  return found.includes(true)
}

function can(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  )
}
