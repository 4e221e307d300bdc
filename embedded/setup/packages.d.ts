/** What runs from the packages of `root`, by process: a lock to share. */
export function packagesInUse(root: string): string
