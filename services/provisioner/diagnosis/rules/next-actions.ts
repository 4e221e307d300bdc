/** What to do next, in words of an operator. */
export const tryAgain = 'It is tried again by itself; when it has failed for good, retry the store'
export const mendChart = 'Mend the chart or what it is given, then retry the store'
export const mendImage =
  'Correct the image, or let the cluster pull it (name, tag, registry, pull secret), then retry the store'
export const raiseQuota =
  "Compare the chart with its plan's quota and limits (deploy/plans), then retry the store"
export const fitPolicy =
  "Make the chart fit the cluster's policies, or the policies admit it, then retry the store"
export const mendWebhook = "Repair the cluster's admission webhook; it is tried again by itself"
export const grantAccess =
  "Give the provisioner's and the release's accounts the rights that the message names, then retry the store"
export const mendStorage =
  'See why the storage class gives no volume (its name, its provisioner, free space), then retry the store'
export const mendMount = 'See why the volume or the Secret cannot be mounted, then retry the store'
export const keepSize =
  'Choose a plan whose volumes are not smaller, or a storage class that can expand volumes'
export const addNodes =
  'Add nodes or free some, or choose a smaller plan; it is tried again by itself'
export const readLog = 'Read the log lines, mend the cause, then retry the store'
export const moreMemory =
  "Raise the container's memory limit in the plan or choose a larger plan, then retry the store"
export const mendContainer =
  'Correct what the container is given (Secret, key, user, command), then retry the store'
export const findOwner = 'Find out who made it and remove it, then retry the store'
export const releaseField = 'Let nobody but helm own the field, then retry the store'
export const holdUp = 'Look for what holds it up, then retry the store'
export const reachCluster = 'See why the API server does not answer; it is tried again by itself'
export const seePods = 'Look at the pods and their log lines, mend the cause, then retry the store'
