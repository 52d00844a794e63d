{{/* Which secrets a role of a service reads, from which Secret: lines "SECRET-NAME KEY [key in the Secret]" */}}
{{- define "sixfold.secretNames" -}}
{{- $values := .root.Values -}}
{{- $service := index $values.services .service -}}
{{ $values.secrets.existingSecret }} SECRET
{{- range list "DATABASE_URL" "KEYS_URL" "AMQP_URI" "MASTER_KEY" "CLIENT_SECRET" }}
{{ $service.existingSecret }} {{ . }}
{{- end }}
{{- if $values.secrets.databaseRoles }}
{{ $service.existingSecret }} SYSTEM_DATABASE_URL
{{- end }}
{{- if and .owner $values.secrets.databaseRoles }}
{{ $service.ownerSecret }} MIGRATION_DATABASE_URL
{{ $service.ownerSecret }} MIGRATION_KEYS_URL
{{- end }}
{{- range .secrets }}
{{ . }}
{{- end }}
{{- with $values.broker.tls.existingSecret }}
{{ . }} BROKER_CA ca.crt
{{- if $values.broker.tls.clientCertificate }}
{{ . }} BROKER_CERTIFICATE tls.crt
{{ . }} BROKER_KEY tls.key
{{- end }}
{{- end }}
{{- end }}

{{/* The environment of a process: no secret is in it, only where each one's file is */}}
{{- define "sixfold.env" -}}
{{- $values := .root.Values -}}
{{- $service := index $values.services .service -}}
{{- $told := dict
  "SERVICE" .service
  "ENVIRONMENT" $values.environment
  "ISSUER" $values.auth.issuer
  "AUDIENCE" $values.auth.audience
  "CLIENT_ID" $service.clientId
  "HTTP_HOST" "0.0.0.0"
  "HTTP_PORT" "8000"
  "OPS_HOST" "0.0.0.0"
  "OPS_PORT" "9464"
  "ROLES_FILE" "/etc/sixfold/roles/roles.json"
-}}
{{- range $name, $value := dict "JWKS" $values.auth.jwks "TOKEN_URL" $values.auth.tokenUrl "OTEL_EXPORTER_OTLP_ENDPOINT" $values.telemetry.endpoint -}}
{{- if $value }}{{ $_ := set $told $name $value }}{{ end -}}
{{- end -}}
{{- if $values.auth.breakGlassConfigMap }}{{ $_ := set $told "BREAK_GLASS_KEYS" "/etc/sixfold/break-glass/keys.json" }}{{ end -}}
{{- if $values.ingress.enabled }}{{ $_ := set $told "PROXIES" (toString $values.ingress.proxies) }}{{ end -}}
{{- if .feeds -}}
{{- $root := .root -}}
{{- $feeds := list -}}
{{- range (index (.root.Files.Get "files/services.yaml" | fromYaml) .service).feeds -}}
{{- $role := ternary "loop" "worker" (eq . "loop") -}}
{{- $feeds = append $feeds (printf "%s=http://%s:8000" . (include "sixfold.name" (dict "root" $root "component" (printf "%s-%s" . $role)))) -}}
{{- end -}}
{{- $_ := set $told "FEEDS" (join "," $feeds) -}}
{{- end -}}
{{- if eq .service "loop" }}{{ $_ := set $told "FACTS_FILE" "/var/lib/sixfold/facts.duckdb" }}{{ end -}}
{{- if $service.shopHosts }}{{/* hosts alone: whose they are is a setting, STOREFRONT_HOSTS */}}{{ end -}}
{{- range $settings := list $values.settings $service.settings (.settings | default dict) -}}
{{- range $name, $value := $settings }}{{ $_ := set $told $name (toString $value) }}{{ end -}}
{{- end -}}
{{- range $name, $value := $told }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- range splitList "\n" (include "sixfold.secretNames" .) }}
{{- $name := index (splitList " " .) 1 }}
- name: {{ ternary $name (printf "%s_FILE" $name) (hasPrefix "BROKER_" $name) }}
  value: /run/secrets/sixfold/{{ $name }}
{{- end }}
{{- end }}

{{- define "sixfold.mounts" -}}
- name: tmp
  mountPath: /tmp
- name: secrets
  mountPath: /run/secrets/sixfold
  readOnly: true
- name: roles
  mountPath: /etc/sixfold/roles
  readOnly: true
{{- if .root.Values.auth.breakGlassConfigMap }}
- name: break-glass
  mountPath: /etc/sixfold/break-glass
  readOnly: true
{{- end }}
{{- end }}

{{- define "sixfold.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: 128Mi
- name: secrets
  projected:
    defaultMode: 288 # 0440: root writes, the group of the pod reads
    sources:
      {{- range splitList "\n" (include "sixfold.secretNames" .) }}
      {{- $words := splitList " " . }}
      - secret:
          name: {{ index $words 0 }}
          items:
            - key: {{ index $words (sub (len $words) 1) }}
              path: {{ index $words 1 }}
      {{- end }}
      {{- with .root.Values.database.tls.existingSecret }}
      - secret:
          name: {{ . }}
          items:
            - key: ca.crt
              path: DATABASE_CA
      {{- end }}
- name: roles
  configMap:
    name: {{ include "sixfold.name" (dict "root" .root "component" (ternary "job-roles" "roles" (eq .account "jobs"))) }}
{{- with .root.Values.auth.breakGlassConfigMap }}
- name: break-glass
  configMap:
    name: {{ . }}
{{- end }}
{{- end }}

{{/* One process that ends: (dict "root" "service" "role" "component" "args" "owner" "weight") */}}
{{- define "sixfold.jobPod" -}}
metadata:
  labels:
    {{- include "sixfold.labels" . | nindent 4 }}
spec:
  serviceAccountName: {{ include "sixfold.name" (dict "root" .root "component" "jobs") }}
  {{- include "sixfold.podSecurity" . | nindent 2 }}
  restartPolicy: {{ .restartPolicy | default "Never" }}
  terminationGracePeriodSeconds: {{ .root.Values.terminationGracePeriodSeconds }}
  containers:
    - name: {{ .role }}
      image: {{ include "sixfold.image" (dict "root" .root "repository" .root.Values.image.repository "digest" .root.Values.image.digest) }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      {{- with .command }}
      command: {{ toJson . }}
      {{- end }}
      args: {{ toJson .args }}
      env:
        {{- include "sixfold.env" . | trim | nindent 8 }}
      resources:
        {{- toYaml .root.Values.roles.job.resources | nindent 8 }}
      {{- include "sixfold.containerSecurity" . | nindent 6 }}
      volumeMounts:
        {{- include "sixfold.mounts" . | nindent 8 }}
  volumes:
    {{- include "sixfold.volumes" . | nindent 4 }}
{{- end }}
