{{/* Every component that has pods, one a line */}}
{{- define "sixfold.components" -}}
{{- $root := . -}}
{{- $found := list -}}
{{- range $service, $told := .Files.Get "files/services.yaml" | fromYaml -}}
{{- range $told.roles }}{{ $found = append $found (printf "%s-%s" $service .) }}{{ end -}}
{{- $found = append $found (printf "%s-migrate" $service) -}}
{{- if $root.Values.preflight.enabled }}{{ $found = append $found (printf "%s-preflight" $service) }}{{ end -}}
{{- if $root.Values.rewrap }}{{ $found = append $found (printf "%s-rewrap" $service) }}{{ end -}}
{{- end -}}
{{- if .Values.topology.enabled }}{{ $found = append $found "topology" }}{{ end -}}
{{- if .Values.backup.enabled }}{{ $found = concat $found (keys (.Files.Get "files/backups.yaml" | fromYaml) | sortAlpha) }}{{ end -}}
{{- if and .Values.backup.enabled (not .Values.backup.drill) }}{{ $found = without $found "backup-drill" }}{{ end -}}
{{- if .Values.evaluation.enabled }}{{ $found = concat $found (list "postgresql" "rabbitmq") }}{{ end -}}
{{- join "\n" $found -}}
{{- end }}

{{/* Says "yes" where a name is among patterns: (dict "name" "patterns") */}}
{{- define "sixfold.among" -}}
{{- $name := .name -}}
{{- range .patterns -}}
{{- if regexMatch (printf "^%s$" (replace "*" "[a-z-]+" .)) $name }}yes{{ end -}}
{{- end -}}
{{- end }}

{{/* The selectors of one end of a flow: (dict "root" "ends" "components"); nothing stands for anybody */}}
{{- define "sixfold.ends" -}}
{{- $root := .root -}}
{{- $components := .components -}}
{{- $patterns := .ends -}}
{{- range $name := $components -}}
{{- if include "sixfold.among" (dict "name" $name "patterns" $patterns) }}
- podSelector:
    matchLabels:
      {{- include "sixfold.selector" (dict "root" $root "component" $name) | nindent 6 }}
{{- end -}}
{{- end -}}
{{- range $peer := $patterns -}}
{{- if and (hasKey $root.Values.networkPolicy.peers $peer) (not (has $peer $components)) -}}
{{- with index $root.Values.networkPolicy.peers $peer }}
{{ toYaml . }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
