import type { ObservedRelease } from '../../reconcile/driver.ts'

/** What lies where a release may lie, whoever made it. */
export interface FoundRelease {
  /** The namespace or the folder. */
  place: string
  /** The release's name: the place's own where the provisioner made it. */
  name: string
  /** The store its labels name. */
  store: string | undefined
  observed: Exclude<ObservedRelease, { status: 'absent' }>
}

/** True for a name only a store's release or namespace has. */
export const isReleaseName = (name: string): boolean => /^s-[a-z2-7]{26}$/.test(name)
