{{- define "tidings.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "tidings.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Of what a selector is made: never changed by an upgrade. */}}
{{- define "tidings.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "tidings.labels" -}}
{{ include "tidings.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "tidings.secret" -}}
{{ .Values.secrets.existingSecret | default (include "tidings.name" .) }}
{{- end }}

{{/* The names of secrets that are read, each from a file of its own. */}}
{{- define "tidings.secretNames" -}}
REDIS_URL DATABASE_URL MASTER_KEY{{ if .Values.secrets.previous }} MASTER_KEY_PREVIOUS{{ end }}{{ if .Values.secrets.metrics }} METRICS_TOKEN{{ end }}
{{- end }}

{{- define "tidings.secretData" -}}
{{- with .Values.secrets }}
REDIS_URL: {{ required "secrets.redisUrl, or secrets.existingSecret" .redisUrl | quote }}
DATABASE_URL: {{ required "secrets.databaseUrl, or secrets.existingSecret" .databaseUrl | quote }}
MASTER_KEY: {{ required "secrets.masterKey (openssl rand -base64 32), or secrets.existingSecret" .masterKey | quote }}
{{- if .previous }}
MASTER_KEY_PREVIOUS: {{ required "secrets.masterKeyPrevious, or secrets.existingSecret" .masterKeyPrevious | quote }}
{{- end }}
{{- if .metrics }}
METRICS_TOKEN: {{ required "secrets.metricsToken (openssl rand -base64 24), or secrets.existingSecret" .metricsToken | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Settings of all, then of one service, then what the chart itself decides. */}}
{{- define "tidings.env" -}}
{{- range splitList " " (include "tidings.secretNames" .root) }}
- name: {{ . }}_FILE
  value: /run/secrets/tidings/{{ . }}
{{- end }}
{{- range $name, $value := merge (dict) .fixed .settings .root.Values.settings }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{- define "tidings.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "tidings.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "tidings.mounts" -}}
- { name: secrets, mountPath: /run/secrets/tidings, readOnly: true }
- { name: tmp, mountPath: /tmp }
{{- end }}

{{- define "tidings.volumes" -}}
- name: secrets
  secret: { secretName: {{ .secret }}, defaultMode: 0440 }
- name: tmp
  emptyDir: {}
{{- end }}

{{- define "tidings.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.serviceAccountName }}
serviceAccountName: {{ . }}
{{- end }}
automountServiceAccountToken: false
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* One service: what the three have in common is all but a few lines. */}}
{{- define "tidings.deployment" -}}
{{- $values := index .root.Values .component }}
{{- $name := printf "%s-%s" (include "tidings.name" .root) .component }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  labels: {{ include "tidings.labels" . | nindent 4 }}
spec:
  {{- if not .autoscaled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  strategy:
    type: RollingUpdate
    rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }
  selector:
    matchLabels: {{ include "tidings.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{ include "tidings.labels" . | nindent 8 }}
      annotations:
        {{- if not .root.Values.secrets.existingSecret }}
        checksum/secrets: {{ include "tidings.secretData" .root | sha256sum }}
        {{- end }}
        {{- with .root.Values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "tidings.placement" .root | nindent 6 }}
      securityContext: {{ include "tidings.podSecurity" . | nindent 8 }}
      terminationGracePeriodSeconds: {{ .graceSeconds }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{ include "tidings.selector" . | nindent 14 }}
      containers:
        - name: {{ .component }}
          image: {{ include "tidings.image" .root | quote }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args: [{{ .component }}]
          env: {{ include "tidings.env" (dict "root" .root "settings" $values.settings "fixed" .fixed) | nindent 12 }}
          ports:
            - { name: http, containerPort: 8400 }
          # a cold start, or a wait for the database, is not a death
          startupProbe:
            httpGet: { path: /healthz, port: http }
            periodSeconds: 2
            failureThreshold: 60
          livenessProbe:
            httpGet: { path: /healthz, port: http }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 3
          readinessProbe:
            httpGet: { path: /readyz, port: http }
            periodSeconds: 5
            timeoutSeconds: 5
          {{- if .preStopSeconds }}
          lifecycle:
            preStop:
              exec: { command: [sleep, {{ .preStopSeconds | toString | quote }}] }
          {{- end }}
          resources: {{ toYaml $values.resources | nindent 12 }}
          securityContext: {{ include "tidings.containerSecurity" . | nindent 12 }}
          volumeMounts: {{ include "tidings.mounts" . | nindent 12 }}
      volumes: {{ include "tidings.volumes" (dict "secret" (include "tidings.secret" .root)) | nindent 8 }}
{{- end }}
