{{/* Labels: (dict "root" . "component" "identity-worker") */}}
{{- define "sixfold.labels" -}}
{{ include "sixfold.selector" . }}
app.kubernetes.io/part-of: sixfold
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- with .root.Values.extraLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "sixfold.selector" -}}
app.kubernetes.io/name: sixfold
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Metadata: the same, with "annotations" as text and further "labels" */}}
{{- define "sixfold.metadata" -}}
name: {{ include "sixfold.name" . }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "sixfold.labels" . | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .annotations }}
annotations:
  {{- . | trim | nindent 2 }}
{{- end }}
{{- end }}

{{/* Names begin with the release, which should be `sixfold` */}}
{{- define "sixfold.name" -}}
{{ printf "%s-%s" .root.Release.Name .component | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "sixfold.image" -}}
{{ .root.Values.image.registry }}/{{ .repository }}@{{ .digest }}
{{- end }}

{{/* What makes an object a hook: (dict "root" . "weight" -5); nothing in the mode `job`.  "beside" is
     what Jobs only need: it goes when they have succeeded, or it would be nobody's in the mode `job`
     and after an uninstallation */}}
{{- define "sixfold.hook" -}}
{{- if eq .root.Values.migrations.mode "hook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ .weight | quote }}
helm.sh/hook-delete-policy: before-hook-creation{{ if .beside }},hook-succeeded{{ end }}
{{- end -}}
{{- end }}

{{/* A Job cannot be changed: in the mode `job` its name follows all that it is made of */}}
{{- define "sixfold.jobName" -}}
{{- if eq .root.Values.migrations.mode "job" -}}
{{- $made := printf "%v %s" .deadline (include "sixfold.jobPod" .) -}}
{{ printf "%s-%s" .component (sha256sum $made | trunc 8) }}
{{- else -}}
{{ .component }}
{{- end -}}
{{- end }}

{{/* What one role of one service has: the role's own values under the service's */}}
{{- define "sixfold.role" -}}
{{- $own := index .root.Values.services .service .role | default dict -}}
{{- mergeOverwrite (deepCopy (index .root.Values.roles .role)) $own | toYaml -}}
{{- end }}

{{- define "sixfold.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  {{- if not .root.Values.openshift }}
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  {{- end }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "sixfold.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  privileged: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  {{- if not .root.Values.openshift }}
  runAsUser: 10001
  runAsGroup: 10001
  {{- end }}
  capabilities:
    drop: [ALL]
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{/* Two pods of a kind on one node, or all in one zone, fall together */}}
{{- define "sixfold.spread" -}}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "sixfold.selector" $ | nindent 8 }}
  {{- end }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "sixfold.selector" . | nindent 14 }}
{{- end }}

{{/* Probes: each a question of its own; liveness never looks at broker or database */}}
{{- define "sixfold.probes" -}}
startupProbe:
  httpGet: {path: /startupz, port: ops}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 90
{{- /* What answers HTTP does so without a broker and from behind: an outage must not take it away. */}}
{{- $beside := dict "worker" "?exclude=broker+answers&exclude=lag+below+limit" "loop" "?exclude=broker+answers&exclude=lag+below+limit&exclude=events+published&exclude=logs+counted" }}
readinessProbe:
  httpGet: {path: {{ printf "/readyz%s" (get $beside .role) | quote }}, port: ops}
  periodSeconds: 5
  timeoutSeconds: 9
  failureThreshold: 2
livenessProbe:
  httpGet: {path: /livez, port: ops}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
{{- end }}
