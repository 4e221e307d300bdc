/** Addresses of the machine that the node is; no other network of this host may use them. */
export const addresses = {
  /** The host's end of the cable to it. */
  host: '10.250.0.2',
  node: '10.250.0.1',
  /** Length of the prefix both ends share. */
  prefix: 30,
  services: '10.251.0.0/16',
  pods: '10.252.0.0/16',
} as const

/** The cable: its end on the host, and its end in the machine. */
export const cable = { host: 'storewright0', node: 'host0' } as const

/** What the node is called in the cluster. */
export const NODE = 'machine'

/** Below the root of each cgroup hierarchy: everything a pod uses is counted here. */
export const CGROUP = 'storewright'
