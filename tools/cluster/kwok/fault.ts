/** What a pod can be asked to do instead of getting ready. */
export const faults = [
  'crashloop',
  'oomkilled',
  'initcrash',
  'imagepull',
  'neverready',
  'jobfail',
] as const

export type Fault = (typeof faults)[number]

/**
 * The fault a pod asks for, as a jq expression: its label `sim/fault`, or the repository
 * sim.invalid/<fault> of an image among its containers; else `none`.
 */
export const faultOfPod = `
[
  .metadata.labels["sim/fault"],
  (.spec.containers[].image | select(startswith("sim.invalid/")) | split("/")[1] | split("[:@]"; null)[0])
] | map(select(. != null)) | first // "none"`
  .replaceAll(/\s+/g, ' ')
  .trim()
