{{/* Labels that select the pods of one service. Takes (list $ "service"). */}}
{{- define "platform.selector" -}}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Name and labels of an object. Takes (list $ "service"). */}}
{{- define "platform.metadata" -}}
name: {{ (index . 0).Release.Name }}-{{ index . 1 }}
namespace: {{ (index . 0).Release.Namespace }}
labels:
  {{- include "platform.labels" . | nindent 2 }}
{{- end }}

{{- define "platform.labels" -}}
{{ include "platform.selector" . }}
app.kubernetes.io/name: storewright
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ (index . 0).Chart.Name }}-{{ (index . 0).Chart.Version }}
{{- with (index . 0).Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The services, as components.yaml describes them. */}}
{{- define "platform.components" -}}
{{ .Files.Get "components.yaml" }}
{{- end }}

{{/* What may be said of the pods of one service: its own, and of all where it says nothing. Takes (list $ "service"). */}}
{{- define "platform.pod" -}}
{{ mergeOverwrite (deepCopy (index . 0).Values.pod) (get (index . 0).Values.pods (index . 1) | default dict) | toYaml }}
{{- end }}

{{/* On which nodes the pods of one service run. Takes (list $ "service" pod). */}}
{{- define "platform.placement" -}}
{{- $pod := index . 2 }}
{{- range $field := list "nodeSelector" "tolerations" "affinity" "priorityClassName" }}
{{- with get $pod $field }}
{{ $field }}: {{ toJson . }}
{{- end }}
{{- end }}
topologySpreadConstraints:
  {{- with $pod.topologySpreadConstraints }}
  {{- toYaml . | nindent 2 }}
  {{- else }}
  - topologyKey: kubernetes.io/hostname
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "platform.selector" . | nindent 8 }}
  {{- end }}
{{- end }}

{{/* Where names are resolved. Takes .Values.network. */}}
{{- define "platform.dns" -}}
{{- range .dnsCidrs }}
- ipBlock: {cidr: {{ . | quote }}}
{{- else }}
- namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
{{- end }}
{{- end }}

{{/* Where a part answers that is not in this chart. Takes a value of .Values.network such as eventStore. */}}
{{- define "platform.part" -}}
{{- with .namespace }}
- namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ . | quote }}}}
{{- end }}
{{- range .cidrs }}
- ipBlock: {cidr: {{ . | quote }}}
{{- end }}
{{- end }}

{{/* A list of networks in the words that Caddy has. */}}
{{- define "platform.networks" -}}
{{ . | replace "," " " | replace "loopback" "127.0.0.0/8 ::1" | replace "linklocal" "169.254.0.0/16 fe80::/10" | replace "uniquelocal" "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7" }}
{{- end }}

{{/* logLevel in the words that Caddy has. */}}
{{- define "platform.frontLogLevel" -}}
{{ get (dict "trace" "debug" "fatal" "error" "silent" "error") .Values.logLevel | default .Values.logLevel }}
{{- end }}

{{/*
The version of the Secret with the addresses, so that an upgrade after a change rolls the pods. Where helm sees no
cluster there is none.
*/}}
{{- define "platform.secretVersion" -}}
{{- $secret := lookup "v1" "Secret" .Release.Namespace .Values.existingSecret -}}
{{ dig "metadata" "resourceVersion" "" $secret }}
{{- end }}

{{/* Pods of a service that its autoscaler has chosen, or the fewest. Takes (list $ "service"). */}}
{{- define "platform.replicas" -}}
{{- $ := index . 0 -}}
{{- $least := int (get $.Values.replicas (index . 1)) -}}
{{- $live := lookup "apps/v1" "Deployment" $.Release.Namespace (printf "%s-%s" $.Release.Name (index . 1)) -}}
{{- $now := int (dig "spec" "replicas" 0 $live) -}}
{{ ternary (max $least (min $now (int $.Values.autoscaling.replicasMax))) $least $.Values.autoscaling.enabled }}
{{- end }}

{{/* The image of one service. Takes (list $ component). */}}
{{- define "platform.image" -}}
{{- $images := (index . 0).Values.images -}}
{{- $name := ternary "provisioner" "services" (default false (index . 1).cluster) -}}
{{- $own := printf "%s/%s:%s" $images.registry $name ($images.tag | default (index . 0).Chart.AppVersion) -}}
{{ get $images $name | default $own }}
{{- end }}

{{/* What all stores have in common, as the provisioner reads it. */}}
{{- define "platform.stores" -}}
{{- $network := dict "clientNamespaces" .Values.network.clientNamespaces "dnsCidrs" .Values.network.dnsCidrs -}}
{{- $fallback := dict "imageRegistry" .Values.images.registry "network" $network -}}
{{ merge (deepCopy .Values.stores) $fallback | toYaml }}
{{- end }}

{{/* Names of the Secrets that stores need a copy of, as a YAML list. */}}
{{- define "platform.storeSecrets" -}}
{{- $stores := .Values.stores -}}
{{- $names := list $stores.route.tlsSecret (dig "woocommerce" "mail" "existingSecret" "" $stores) -}}
{{- range $stores.imagePullSecrets }}{{ $names = append $names .name }}{{ end -}}
{{ without $names nil "" | uniq | sortAlpha | toYaml }}
{{- end }}

{{/* Environment of one service. Takes (list $ "service" component). */}}
{{- define "platform.env" -}}
{{- $ := index . 0 -}}
{{- $component := index . 2 -}}
- {name: HOST, value: 0.0.0.0}
- {name: PORT, value: '3000'}
- {name: LOG_LEVEL, value: {{ $.Values.logLevel }}}
{{- range $component.urls }}
- {name: {{ . }}, valueFrom: {secretKeyRef: {name: {{ $.Values.existingSecret | quote }}, key: {{ . }}}}}
{{- end }}
{{- if $component.api }}
- {name: AUTH, value: {{ $.Values.authentication.kinds | default "jwt" | quote }}}
{{- range $name, $key := dict "AUTH_ISSUER" "issuer" "AUTH_AUDIENCE" "audience" "AUTH_JWKS_URL" "jwksUrl" "AUTH_TOKEN_TYPE" "tokenType" "AUTH_CLAIM_TENANT" "claimTenant" "AUTH_CLAIM_ROLES" "claimRoles" "AUTH_ROLE_MAP" "roleMap" "OPERATOR_KEY_SHA256" "operatorKeySha256" }}
{{- with index $.Values.authentication $key }}
- {name: {{ $name }}, value: {{ . | quote }}}
{{- end }}
{{- end }}
- {name: OPERATOR_KEY, valueFrom: {secretKeyRef: {name: {{ $.Values.existingSecret | quote }}, key: OPERATOR_KEY, optional: true}}}
- {name: POSITION_KEY, valueFrom: {secretKeyRef: {name: {{ $.Values.existingSecret | quote }}, key: POSITION_KEY, optional: true}}}
{{- if eq (index . 1) "query-api" }}
- {name: AUDIT_SIGNING_KEY, valueFrom: {secretKeyRef: {name: {{ $.Values.existingSecret | quote }}, key: AUDIT_SIGNING_KEY, optional: true}}}
{{- end }}
{{- with $.Values.publicUrl }}
- {name: PUBLIC_URL, value: {{ . | quote }}}
{{- end }}
{{- end }}
{{- range $component.settings }}
{{- if hasKey $.Values.settings . }}
- {name: {{ . }}, value: {{ get $.Values.settings . | quote }}}
{{- end }}
{{- end }}
{{- if $component.cluster }}
- {name: WORKER_ID, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: DRIVER, value: cluster}
- {name: NAMESPACE_ROLE, value: {{ $.Release.Name }}-store-namespace}
- {name: CONCURRENCY, value: {{ $.Values.provisionerConcurrency | quote }}}
- {name: TENANT_CONCURRENCY, value: {{ $.Values.provisionerTenantConcurrency | quote }}}
{{- with $.Values.provisionerGlobalConcurrency }}
- {name: GLOBAL_CONCURRENCY, value: {{ . | quote }}}
{{- end }}
{{- with $.Values.provisionerGlobalTenantConcurrency }}
- {name: GLOBAL_TENANT_CONCURRENCY, value: {{ . | quote }}}
{{- end }}
- {name: STORES_DOMAIN, value: {{ $.Values.storesDomain | quote }}}
- {name: STORE_VALUES_FILE, value: /etc/storewright/stores/stores.yaml}
- {name: STORE_SECRETS_DIR, value: /etc/storewright/secrets}
- {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
{{- end }}
{{- end }}
