import { readFile } from 'node:fs/promises'
import { deployPath } from '../../../deploy/tests/rendering/render-chart.ts'

const HTML = '/var/www/html'

export interface ImageFiles {
  /** From a path beside the Dockerfile to its place in the image. */
  copied: { from: string; to: string }[]
  /** Paths of WordPress that are deleted. */
  removed: string[]
  /** Modules of Apache that are enabled. */
  modules: string[]
}

/** What the Dockerfile of the image does with files, read from it. */
export async function imageFiles(): Promise<ImageFiles> {
  const text = await readFile(deployPath('images', 'woocommerce', 'Dockerfile'), 'utf8')
  const lines = text.replaceAll('\\\n', ' ').split('\n')
  const shell = lines.filter((line) => line.startsWith('RUN ')).flatMap((line) => line.split('&&'))
  const wordsAfter = (command: string) =>
    shell.flatMap((each) => each.split(`${command} `)[1]?.trim().split(/\s+/) ?? [])
  const copied = lines
    .filter((line) => /^COPY (?!--from)/.test(line))
    .flatMap((line) => placesOf(line.split(/\s+/).slice(1)))
  const removed = wordsAfter('rm -rf').filter((path) => path.startsWith(`${HTML}/`))
  return { copied, removed, modules: wordsAfter('a2enmod') }
}

function placesOf(words: string[]): { from: string; to: string }[] {
  const to = words.at(-1) ?? ''
  return words.slice(0, -1).map((from) => ({ from, to: to.endsWith('/') ? `${to}${from}` : to }))
}
