import { type Condition, isNotBeingDeleted, setStatus, stage } from './stage.ts'

const isOurs: Condition = { key: '.spec.storageClassName', operator: 'In', values: ['kwok'] }

const volume = `
apiVersion: v1
kind: PersistentVolume
metadata:
  name: pvc-{{ .metadata.uid }}
  annotations: { pv.kubernetes.io/provisioned-by: storewright.io/kwok }
spec:
  accessModes: {{ .spec.accessModes | toJson }}
  capacity: { storage: {{ .spec.resources.requests.storage | Quote }} }
  persistentVolumeReclaimPolicy: Delete
  storageClassName: kwok
  volumeMode: {{ or .spec.volumeMode "Filesystem" }}
  hostPath: { path: /nowhere }
  claimRef:
    apiVersion: v1
    kind: PersistentVolumeClaim
    name: {{ .metadata.name | Quote }}
    namespace: {{ .metadata.namespace | Quote }}
    uid: {{ .metadata.uid | Quote }}`

const grown = `
if .spec.resources.requests.storage == .status.capacity.storage then "no" else "yes" end`.trim()

/** A PVC of the class `kwok` gets a volume, which the real controller binds, grows and removes with the PVC. */
export const volumeStages = [
  stage({
    name: 'claim-provision',
    kind: 'PersistentVolumeClaim',
    when: [
      isOurs,
      isNotBeingDeleted,
      { key: '.spec.volumeName', operator: 'DoesNotExist' },
      { key: '.status.phase', operator: 'In', values: ['Pending'] },
    ],
    steps: [{ apply: { template: volume } }],
  }),
  stage({
    name: 'claim-grow',
    kind: 'PersistentVolumeClaim',
    when: [
      isOurs,
      isNotBeingDeleted,
      { key: '.status.phase', operator: 'In', values: ['Bound'] },
      { key: grown, operator: 'In', values: ['yes'] },
    ],
    steps: [
      { apply: { template: volume } },
      setStatus('capacity: { storage: {{ .spec.resources.requests.storage | Quote }} }'),
    ],
  }),
  stage({
    name: 'volume-delete',
    kind: 'PersistentVolume',
    when: [
      isOurs,
      isNotBeingDeleted,
      { key: '.spec.persistentVolumeReclaimPolicy', operator: 'In', values: ['Delete'] },
      { key: '.status.phase', operator: 'In', values: ['Released', 'Failed'] },
    ],
    steps: [{ delete: true }],
  }),
]
