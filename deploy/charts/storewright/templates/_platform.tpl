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
{{- end }}

{{/* The services, as components.yaml describes them. */}}
{{- define "platform.components" -}}
{{ .Files.Get "components.yaml" }}
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
{{- end }}
{{- end }}
