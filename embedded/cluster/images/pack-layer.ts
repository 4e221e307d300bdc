import { execa } from 'execa'

const LIMIT_MS = 10 * 60_000
/** The same files give the same layer: order, times and owners' names are not left to chance. */
const steady = ['--numeric-owner', '--sort=name', '--mtime=@0', '--format=gnu']

/** For files that belong to whoever made them here. */
export const ownedByRoot = ['--owner=0', '--group=0']

/** Packs a layer as a tar; `args` says which files, after tar's own options. */
export async function packLayer(file: string, args: string[]): Promise<string> {
  await execa('tar', ['--create', '--file', file, ...steady, ...args], { timeout: LIMIT_MS })
  return file
}
