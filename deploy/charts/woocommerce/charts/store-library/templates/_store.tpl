{{/* What every store chart has in common. */}}

{{/* Labels that select the pods of one component. Takes (list $ "component"). */}}
{{- define "store.selector" -}}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Name, labels and annotations of an object. Takes (list $ "component"); user text goes into annotations only. */}}
{{- define "store.metadata" -}}
{{- $ := index . 0 -}}
name: {{ $.Release.Name }}-{{ index . 1 }}
namespace: {{ $.Release.Namespace }}
labels:
  {{- include "store.selector" . | nindent 2 }}
  app.kubernetes.io/name: {{ $.Chart.Name }}
  app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ $.Release.Service }}
  app.kubernetes.io/part-of: storewright
  helm.sh/chart: {{ $.Chart.Name }}-{{ $.Chart.Version }}
  storewright.dev/store: {{ $.Values.store.id | quote }}
annotations:
  storewright.dev/store-name: {{ $.Values.store.name | toJson }}
  storewright.dev/tenant: {{ $.Values.store.tenant | toJson }}
{{- end }}

{{/* Labels and annotations of a pod: nothing that changes with the chart's version, so that pods restart for a reason. */}}
{{- define "store.podMetadata" -}}
labels:
  {{- include "store.selector" . | nindent 2 }}
  storewright.dev/store: {{ (index . 0).Values.store.id | quote }}
{{- end }}

{{/* The head of every pod spec under Pod Security "restricted". Takes (list $ uid). */}}
{{- define "store.podSpec" -}}
{{- $ := index . 0 -}}
{{- $uid := index . 1 -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ $uid }}
  runAsGroup: {{ $uid }}
  fsGroup: {{ $uid }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with $.Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- end }}

{{/* Image, pull policy and security context of every container. Takes (list $ "image"). */}}
{{- define "store.container" -}}
{{- $ := index . 0 -}}
{{- $own := printf "%s/%s:%s" $.Values.images.registry $.Chart.Name $.Chart.AppVersion -}}
image: {{ index $.Values.images (index . 1) | default $own | quote }}
imagePullPolicy: IfNotPresent
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* The plan's numbers of this chart, as YAML. */}}
{{- define "store.plan" -}}
{{ get (.Files.Get "plans.yaml" | fromYaml) .Values.plan | toYaml }}
{{- end }}

{{/* User text as the value of an environment variable: Kubernetes would expand $(OTHER_VARIABLE), also one that holds a secret. */}}
{{- define "store.envText" -}}
{{ . | replace "$" "$$" | toJson }}
{{- end }}

{{/* Environment of the set-up: what a new shop is to be, as far as it is said. */}}
{{- define "store.parameters" -}}
{{- $given := .Values.parameters -}}
{{- range $name, $variable := dict "country" "STORE_COUNTRY" "currency" "STORE_CURRENCY" "locale" "STORE_LOCALE" "timeZone" "STORE_TIME_ZONE" }}
{{- with index $given $name }}
- {name: {{ $variable }}, value: {{ . | quote }}}
{{- end }}
{{- end }}
{{- end }}

{{/* Where pods that share the uploads may run. Takes (list $ "component"): on one node for a volume of one node, else spread. */}}
{{- define "store.placement" -}}
{{- if eq (index . 0).Values.storage.uploadsAccessMode "ReadWriteOnce" -}}
affinity:
  podAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector: {matchLabels: {app.kubernetes.io/instance: {{ (index . 0).Release.Name }}, storewright.dev/uploads: 'true'}}
{{- else -}}
topologySpreadConstraints:
  - topologyKey: kubernetes.io/hostname
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "store.selector" . | nindent 8 }}
{{- end }}
{{- end }}

{{/* A claim that outlives the release and grows with the plan. Takes (list $ "component" size class accessMode). */}}
{{- define "store.claim" -}}
{{- $class := index . 3 -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- include "store.metadata" . | nindent 2 }}
    helm.sh/resource-policy: keep
spec:
  accessModes: [{{ index . 4 }}]
  {{- with $class }}
  storageClassName: {{ . | quote }}
  {{- end }}
  resources: {requests: {storage: {{ index . 2 }}}}
{{- end }}
