{{/* The port of the server. */}}
{{- define "engine.port" -}}
9000
{{- end }}

{{/* The parts the engine's pods may reach, with their ports. */}}
{{- define "engine.backends" -}}
cache: 6379
database: 5432
{{- end }}

{{/* Environment of every Medusa process. Takes (list $ "workerMode"). */}}
{{- define "engine.env" -}}
{{- $ := index . 0 -}}
{{- $secret := $.Values.existingSecret -}}
- {name: DATABASE_PASSWORD, valueFrom: {secretKeyRef: {name: {{ $secret | quote }}, key: database-password}}}
- {name: REDIS_PASSWORD, valueFrom: {secretKeyRef: {name: {{ $secret | quote }}, key: redis-password}}}
- {name: JWT_SECRET, valueFrom: {secretKeyRef: {name: {{ $secret | quote }}, key: jwt-secret}}}
- {name: COOKIE_SECRET, valueFrom: {secretKeyRef: {name: {{ $secret | quote }}, key: cookie-secret}}}
- {name: DATABASE_URL, value: 'postgres://medusa:$(DATABASE_PASSWORD)@{{ $.Release.Name }}-database:5432/medusa'}
- {name: REDIS_URL, value: 'redis://:$(REDIS_PASSWORD)@{{ $.Release.Name }}-cache:6379'}
- {name: STORE_URL, value: 'https://{{ $.Values.host }}'}
- {name: MEDUSA_WORKER_MODE, value: {{ index . 1 }}}
- {name: PORT, value: '9000'}
- {name: NODE_ENV, value: production}
- {name: HOME, value: /tmp}
- {name: MEDUSA_DISABLE_TELEMETRY, value: 'true'}
{{- end }}

{{/* Pod labels of what runs the engine's code and mounts the uploads. */}}
{{- define "engine.podMetadata" -}}
{{ include "store.podMetadata" . }}
  storewright.dev/engine: {{ (index . 0).Chart.Name }}
  storewright.dev/uploads: 'true'
{{- end }}

{{/* The pod of a Medusa process. Takes (list $ "component" "workerMode" resources). */}}
{{- define "engine.pod" -}}
{{- $ := index . 0 -}}
{{- $env := list $ (index . 2) -}}
{{- $resources := index . 3 -}}
metadata:
  {{- include "engine.podMetadata" . | nindent 2 }}
spec:
  {{- include "store.podSpec" (list $ 1000) | nindent 2 }}
  {{- include "store.placement" . | nindent 2 }}
  terminationGracePeriodSeconds: 30
  initContainers:
    # Waits for its backends, migrates and seeds once per version of the image; costs nothing afterwards.
    - name: set-up
      {{- include "store.container" (list $ "server") | nindent 6 }}
      command: [node, set-up.mts]
      env:
        {{- include "engine.env" $env | nindent 8 }}
        - {name: STORE_NAME, value: {{ include "store.envText" $.Values.store.name }}}
        {{- include "store.parameters" $ | nindent 8 }}
        - {name: ADMIN_EMAIL_FILE, value: /run/secrets/store/admin-email}
        - {name: ADMIN_PASSWORD_FILE, value: /run/secrets/store/admin-password}
      resources: {{ toJson $resources }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: admin, mountPath: /run/secrets/store, readOnly: true}
  containers:
    - name: medusa
      {{- include "store.container" (list $ "server") | nindent 6 }}
      env:
        {{- include "engine.env" $env | nindent 8 }}
      ports: [{name: http, containerPort: 9000}]
      resources: {{ toJson $resources }}
      startupProbe: {httpGet: {path: /health, port: http}, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 36}
      readinessProbe: {httpGet: {path: /health, port: http}, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 3}
      livenessProbe: {httpGet: {path: /health, port: http}, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6}
      lifecycle: {preStop: {sleep: {seconds: 5}}}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: uploads, mountPath: /app/static}
  volumes:
    - {name: tmp, emptyDir: {sizeLimit: 512Mi}}
    - {name: uploads, persistentVolumeClaim: {claimName: {{ $.Release.Name }}-uploads}}
    - name: admin
      secret:
        secretName: {{ $.Values.existingSecret | quote }}
        defaultMode: 288 # 0440
        items: [{key: admin-email, path: admin-email}, {key: admin-password, path: admin-password}]
{{- end }}
