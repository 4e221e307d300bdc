/**
 * The fault a pod asks for, as a jq expression: its label `sim/fault`, or an image of the
 * repository sim.invalid/<fault> among its containers; else `none`.
 */
export const fault = `
[
  .metadata.labels["sim/fault"],
  (.spec.containers[].image | select(startswith("sim.invalid/")) | split("/")[1] | split("[:@]"; null)[0])
] | map(select(. != null)) | first // "none"`
  .replaceAll(/\s+/g, ' ')
  .trim()
