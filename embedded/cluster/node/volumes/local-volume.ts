import { join } from 'node:path'
import type { V1PersistentVolumeClaim } from '@kubernetes/client-node'
import { NODE } from '../machine/addresses.ts'

export const CLASS = 'local'
const PROVISIONER = 'storewright.dev/local'

/** The default class: claims are bound at once, can grow, and their volumes go with them. */
export const storageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: {
    name: CLASS,
    annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
  },
  provisioner: PROVISIONER,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'Immediate',
  allowVolumeExpansion: true,
}

/** The name of the volume of a claim, and of its folder. */
export const volumeNameOf = ({ metadata }: V1PersistentVolumeClaim): string =>
  `pvc-${metadata?.uid ?? ''}`

/** A folder as a volume for one claim. Of the kind `local`, since only that minds a pod's fsGroup. */
export function volumeFor(claim: V1PersistentVolumeClaim, folder: string): object {
  const { metadata, spec } = claim
  const name = volumeNameOf(claim)
  const here = { key: 'kubernetes.io/hostname', operator: 'In', values: [NODE] }
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': PROVISIONER } },
    spec: {
      accessModes: spec?.accessModes,
      capacity: spec?.resources?.requests,
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: CLASS,
      volumeMode: 'Filesystem',
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace: metadata?.namespace,
        name: metadata?.name,
        uid: metadata?.uid,
      },
      local: { path: join(folder, name) },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [here] }] } },
    },
  }
}
