import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sources } from './place.ts'

type Which = '' | 'OLDER_'

/** The folders that were given to the run: those of this image, or of an older one. */
export function sources(which: Which = ''): Sources {
  const folder = (name: string) => process.env[`${which}${name}_DIR`] ?? ''
  return { wordpress: folder('WORDPRESS'), woocommerce: folder('WOOCOMMERCE') }
}

export function isGiven(which: Which): boolean {
  return Object.values(sources(which)).every((folder) => folder !== '')
}

/** The version a folder of WooCommerce says it is. */
export async function pluginVersion({ woocommerce }: Sources): Promise<string> {
  const head = await readFile(join(woocommerce, 'woocommerce.php'), 'utf8')
  return /^ \* Version: (\S+)/m.exec(head)?.[1] ?? ''
}
