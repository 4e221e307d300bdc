/**
 * A step that records a warning about the pod as its kubelet would. kwok's own events know no
 * templates, and a kubelet names container and image in them; `$container` is the pod's first.
 */
export function podEvent(reason: string, message: string): object {
  const template = `
{{ $container := index .spec.containers 0 }}
apiVersion: v1
kind: Event
metadata:
  name: {{ printf "%s.%s" .metadata.name (sha256sum "${reason} ${message.length}" | trunc 12) | Quote }}
  namespace: {{ .metadata.namespace | Quote }}
involvedObject:
  apiVersion: v1
  kind: Pod
  name: {{ .metadata.name | Quote }}
  namespace: {{ .metadata.namespace | Quote }}
  uid: {{ .metadata.uid | Quote }}
type: Warning
reason: ${reason}
message: '${message}'
count: 3
firstTimestamp: {{ Now | Quote }}
lastTimestamp: {{ Now | Quote }}
source: { component: kubelet, host: {{ or .spec.nodeName "" | Quote }} }
reportingComponent: kubelet
reportingInstance: ""`
  return { apply: { template } }
}
