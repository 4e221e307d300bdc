{{/* Who may talk to whom. */}}
{{- define "store.network" }}
{{- $dns := list (dict "namespaceSelector" (dict "matchLabels" (dict "kubernetes.io/metadata.name" "kube-system"))) }}
{{- with .Values.network.dnsCidrs }}
{{- $dns = list }}
{{- range . }}{{ $dns = append $dns (dict "ipBlock" (dict "cidr" .)) }}{{ end }}
{{- end }}
# Nothing in, nothing out: what is allowed is said below, component by component.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "store.metadata" (list $ "deny") | nindent 2 }}
spec:
  podSelector: {matchLabels: {app.kubernetes.io/instance: {{ .Release.Name }}}}
  policyTypes: [Ingress, Egress]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "store.metadata" (list $ "server") | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "store.selector" (list $ "server") | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    - from:
        {{- range .Values.network.clientNamespaces }}
        - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ . | quote }}}}
        {{- end }}
      ports: [{protocol: TCP, port: {{ include "engine.port" $ }}}]
---
# What runs the engine's code carries the label engine: the server and its companions.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "store.metadata" (list $ "engine") | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/instance: {{ .Release.Name }}
      storewright.dev/engine: {{ .Chart.Name }}
  policyTypes: [Egress]
  egress:
    - to: {{ toJson $dns }}
      ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]
    # Payment, mail and shipping services of the world, never the cluster, its nodes or a cloud's metadata.
    - to:
        - ipBlock:
            cidr: 0.0.0.0/0
            except: [10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16]
        - ipBlock: {cidr: '::/0', except: ['fc00::/7', 'fe80::/10', '::1/128']}
      ports: [{protocol: TCP, port: 443}, {protocol: TCP, port: 465}, {protocol: TCP, port: 587}]
    {{- range $component, $port := include "engine.backends" $ | fromYaml }}
    - to:
        - podSelector:
            matchLabels:
              {{- include "store.selector" (list $ $component) | nindent 14 }}
      ports: [{protocol: TCP, port: {{ $port }}}]
    {{- end }}
{{- range $component, $port := include "engine.backends" $ | fromYaml }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "store.metadata" (list $ $component) | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "store.selector" (list $ $component) | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    - from:
        - podSelector:
            matchLabels:
              app.kubernetes.io/instance: {{ $.Release.Name }}
              storewright.dev/engine: {{ $.Chart.Name }}
      ports: [{protocol: TCP, port: {{ $port }}}]
{{- end }}
{{- end }}
