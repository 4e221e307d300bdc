{{/* The port of the server. */}}
{{- define "engine.port" -}}
8080
{{- end }}

{{/* The parts the engine's pods may reach, with their ports. */}}
{{- define "engine.backends" -}}
database: 3306
{{- end }}

{{/* Pod labels of what runs the engine's code and mounts the uploads. */}}
{{- define "engine.podMetadata" -}}
{{ include "store.podMetadata" . }}
  storewright.dev/engine: {{ (index . 0).Chart.Name }}
  storewright.dev/uploads: 'true'
{{- end }}

{{/* Environment of every WordPress process. Secrets are files: the image's wp-config.php reads them. */}}
{{- define "engine.env" -}}
- {name: STORE_URL, value: 'https://{{ .Values.host }}'}
- {name: DATABASE_HOST, value: {{ .Release.Name }}-database}
- {name: APACHE_RUN_DIR, value: /run/apache2}
- {name: APACHE_LOCK_DIR, value: /run/apache2}
- {name: APACHE_PID_FILE, value: /run/apache2/apache2.pid}
- {name: APACHE_WORKERS, value: {{ (include "store.plan" . | fromYaml).server.workers | quote }}}
{{- with .Values.mail }}
{{- if .host }}
- {name: MAIL_HOST, value: {{ .host | quote }}}
- {name: MAIL_PORT, value: {{ .port | quote }}}
- {name: MAIL_SECURITY, value: {{ .security | quote }}}
- {name: MAIL_FROM, value: {{ .from | quote }}}
{{- end }}
{{- end }}
{{- end }}

{{- define "engine.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: run, mountPath: /run/apache2}
- {name: uploads, mountPath: /var/www/html/wp-content/uploads}
- {name: secrets, mountPath: /run/secrets/store, readOnly: true}
{{- if .Values.mail.existingSecret }}
- {name: mail, mountPath: /run/secrets/mail, readOnly: true}
{{- end }}
{{- end }}

{{- define "engine.volumes" -}}
- {name: tmp, emptyDir: {sizeLimit: 512Mi}}
- {name: run, emptyDir: {sizeLimit: 16Mi}}
- {name: uploads, persistentVolumeClaim: {claimName: {{ .Release.Name }}-uploads}}
- name: secrets
  secret:
    secretName: {{ .Values.existingSecret | quote }}
    defaultMode: 288 # 0440
    items:
      - {key: database-password, path: database-password}
      {{- range $kind := list "auth" "secure-auth" "logged-in" "nonce" }}
      - {key: {{ $kind }}-key, path: {{ $kind }}-key}
      - {key: {{ $kind }}-salt, path: {{ $kind }}-salt}
      {{- end }}
{{- with .Values.mail.existingSecret }}
- name: mail
  secret:
    secretName: {{ . | quote }}
    defaultMode: 288 # 0440
    items: [{key: username, path: username}, {key: password, path: password}]
{{- end }}
{{- end }}
