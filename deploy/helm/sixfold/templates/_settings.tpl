{{/* Which secrets a process reads, from which Secret: lines "SECRET-NAME FILE [key in the Secret]" */}}
{{- define "sixfold.secretNames" -}}
{{- $values := .root.Values -}}
{{- $found := list -}}
{{- if not .bare -}}
{{- $service := index $values.services .service -}}
{{- range list "SECRET" "MASTER_KEY" }}{{ $found = append $found (printf "%s %s" $values.secrets.existingSecret .) }}{{ end -}}
{{- range list "DATABASE_URL" "KEYS_URL" "AMQP_URI" "CLIENT_SECRET" }}{{ $found = append $found (printf "%s %s" $service.existingSecret .) }}{{ end -}}
{{- if $values.secrets.otherMasterKey }}{{ $found = append $found (printf "%s OTHER_MASTER_KEY" $values.secrets.existingSecret) }}{{ end -}}
{{- if $service.settings.SIGN_IN_CLIENT_ID }}{{ $found = append $found (printf "%s SIGN_IN_CLIENT_SECRET" $service.existingSecret) }}{{ end -}}
{{- if $values.secrets.databaseRoles -}}
{{- $found = append $found (printf "%s SYSTEM_DATABASE_URL" $service.existingSecret) -}}
{{- if .owner -}}
{{- range list "MIGRATION_DATABASE_URL" "MIGRATION_KEYS_URL" }}{{ $found = append $found (printf "%s %s" $service.ownerSecret .) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- with $values.broker.tls.existingSecret -}}
{{- $found = append $found (printf "%s BROKER_CA ca.crt" .) -}}
{{- if $values.broker.tls.clientCertificate -}}
{{- $found = concat $found (list (printf "%s BROKER_CERTIFICATE tls.crt" .) (printf "%s BROKER_KEY tls.key" .)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range .secrets }}{{ $found = append $found . }}{{ end -}}
{{- with $values.auth.caSecret }}{{ $found = append $found (printf "%s HTTP_CA ca.crt" .) }}{{ end -}}
{{- with $values.database.tls.existingSecret }}{{ $found = append $found (printf "%s DATABASE_CA ca.crt" .) }}{{ end -}}
{{- with $values.storage.existingSecret }}{{ $found = append $found (printf "%s AWS_SHARED_CREDENTIALS_FILE credentials" .) }}{{ end -}}
{{- join "\n" $found -}}
{{- end }}

{{/* A value as the code reads it: Helm itself writes a large number as 2e+06 */}}
{{- define "sixfold.written" -}}
{{ ternary . (toJson .) (kindIs "string" .) }}
{{- end }}

{{/* The environment of a process: no secret is in it, only where each one's file is.  DATABASE_CA is
     named by the databases' addresses themselves, as sslrootcert. */}}
{{- define "sixfold.env" -}}
{{- $values := .root.Values -}}
{{- $told := deepCopy (.env | default dict) -}}
{{- if not .bare -}}
{{- $service := index $values.services .service -}}
{{- $told = dict
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
{{- if $values.auth.breakGlassConfigMap }}{{ $_ := set $told "BREAK_GLASS_KEYS_FILE" "/etc/sixfold/break-glass/keys.json" }}{{ end -}}
{{- if $values.ingress.enabled }}{{ $_ := set $told "PROXIES" (include "sixfold.written" $values.ingress.proxies) }}{{ end -}}
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
{{- range $settings := list $values.settings $service.settings -}}
{{- range $name, $value := $settings }}{{ $_ := set $told $name (include "sixfold.written" $value) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if $values.storage.existingSecret }}{{ $_ := set $told "AWS_EC2_METADATA_DISABLED" "true" }}{{ end -}}
{{- range $name, $value := $told }}
{{- if ne $value "" }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- range splitList "\n" (include "sixfold.secretNames" .) }}
{{- $name := index (splitList " " .) 1 }}
{{- $itself := or (hasPrefix "BROKER_C" $name) (hasSuffix "_FILE" $name) (has $name (list "BROKER_KEY" "HTTP_CA")) }}
{{- if ne $name "DATABASE_CA" }}
- name: {{ ternary $name (printf "%s_FILE" $name) $itself }}
  value: /run/secrets/sixfold/{{ $name }}
{{- end }}
{{- end }}
{{- end }}

{{- define "sixfold.mounts" -}}
- name: tmp
  mountPath: /tmp
- name: secrets
  mountPath: /run/secrets/sixfold
  readOnly: true
{{- if not .bare }}
- name: roles
  mountPath: /etc/sixfold/roles
  readOnly: true
{{- end }}
{{- if and .root.Values.auth.breakGlassConfigMap (not .bare) }}
- name: break-glass
  mountPath: /etc/sixfold/break-glass
  readOnly: true
{{- end }}
{{- end }}

{{- define "sixfold.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: {{ .scratch | default "128Mi" }}
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
{{- if not .bare }}
- name: roles
  configMap:
    name: {{ include "sixfold.name" (dict "root" .root "component" (ternary "job-roles" "roles" (eq .account "jobs"))) }}
{{- end }}
{{- with ternary "" .root.Values.auth.breakGlassConfigMap (.bare | default false) }}
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
  serviceAccountName: {{ include "sixfold.name" (dict "root" .root "component" (.account | default "processes")) }}
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
        {{- toYaml (.resources | default .root.Values.roles.job.resources) | nindent 8 }}
      {{- include "sixfold.containerSecurity" . | nindent 6 }}
      volumeMounts:
        {{- include "sixfold.mounts" . | nindent 8 }}
  volumes:
    {{- include "sixfold.volumes" . | nindent 4 }}
{{- end }}
