{{/* The Service of the server, and what keeps and changes the number of its pods. */}}
{{- define "store.server-scale" }}
{{- $server := (include "store.plan" . | fromYaml).server }}
apiVersion: v1
kind: Service
metadata:
  {{- include "store.metadata" (list $ "server") | nindent 2 }}
spec:
  selector:
    {{- include "store.selector" (list $ "server") | nindent 4 }}
  ports: [{name: http, port: 80, targetPort: http}]
{{- if gt (int $server.replicas) 1 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "store.metadata" (list $ "server") | nindent 2 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "store.selector" (list $ "server") | nindent 6 }}
{{- end }}
{{- if $server.replicasMax }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "store.metadata" (list $ "server") | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ .Release.Name }}-server}
  minReplicas: {{ $server.replicas }}
  maxReplicas: {{ $server.replicasMax }}
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}
{{- end }}
{{- end }}
