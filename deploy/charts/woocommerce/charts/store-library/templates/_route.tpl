{{/* How customers reach the store. */}}
{{- define "store.route" }}
{{- $route := .Values.route }}
{{- if eq $route.kind "ingress" }}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "store.metadata" (list $ "server") | nindent 2 }}
    {{- with $route.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- with $route.className }}
  ingressClassName: {{ . | quote }}
  {{- end }}
  tls:
    - hosts: [{{ .Values.host | quote }}]
      {{- with $route.tlsSecret }}
      secretName: {{ . | quote }}
      {{- end }}
  rules:
    - host: {{ .Values.host | quote }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: {service: {name: {{ .Release.Name }}-server, port: {name: http}}}
{{- else if eq $route.kind "httpRoute" }}
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  {{- include "store.metadata" (list $ "server") | nindent 2 }}
spec:
  parentRefs:
    {{- toYaml $route.parentRefs | nindent 4 }}
  hostnames: [{{ .Values.host | quote }}]
  rules:
    - matches:
        - path: {type: PathPrefix, value: /}
      # Both engines build links and cookies from this header; a client must not choose it.
      filters:
        - type: RequestHeaderModifier
          requestHeaderModifier:
            set: [{name: X-Forwarded-Proto, value: https}]
      backendRefs:
        - {name: {{ .Release.Name }}-server, port: 80}
{{- end }}
{{- end }}
