// What the lab's kubelet needs to know of a Pod, parsed once from the API's object.

import * as v from 'valibot'
import { fault, ok, type Result } from '../../base/result.ts'

const portSchema = v.object({
  containerPort: v.number(),
  hostPort: v.optional(v.number()),
  hostIP: v.optional(v.string(), ''),
  protocol: v.optional(v.picklist(['TCP', 'UDP', 'SCTP']), 'TCP'),
})

const containerSchema = v.object({
  name: v.string(),
  image: v.optional(v.string(), ''),
  args: v.optional(v.array(v.string()), []),
  ports: v.optional(v.array(portSchema), []),
})

const podSchema = v.object({
  metadata: v.object({
    name: v.string(),
    namespace: v.string(),
    uid: v.string(),
    deletionTimestamp: v.optional(v.string()),
    annotations: v.optional(v.record(v.string(), v.string()), {}),
  }),
  spec: v.object({
    hostNetwork: v.optional(v.boolean(), false),
    restartPolicy: v.optional(v.string(), 'Always'),
    containers: v.array(containerSchema),
  }),
  status: v.optional(
    v.object({
      phase: v.optional(v.string(), 'Pending'),
      conditions: v.optional(v.array(v.looseObject({ type: v.string() })), []),
    }),
    {},
  ),
})

export type PodSpec = v.InferOutput<typeof podSchema>
export type ContainerSpec = v.InferOutput<typeof containerSchema>

export function podSpecFromApi(object: unknown): Result<PodSpec> {
  const parsed = v.safeParse(podSchema, object)
  if (parsed.success) return ok(parsed.output)
  const [issue] = parsed.issues
  return fault(
    'bad-object',
    'Pod from the API',
    'a pod',
    `${v.getDotPath(issue)}: ${issue.message}`,
    'it is left out',
  )
}

export const podName = (pod: PodSpec): string => `${pod.metadata.namespace}/${pod.metadata.name}`

/** What a runtime hands to the plugins that declare the capability; those with nothing to say are absent. */
export function capabilityArguments(pod: PodSpec): Readonly<Record<string, unknown>> {
  const portMappings = pod.spec.containers
    .flatMap((c) => c.ports)
    .filter((p) => p.hostPort !== undefined && p.hostPort > 0)
    .map((p) => ({
      hostPort: p.hostPort,
      containerPort: p.containerPort,
      protocol: p.protocol.toLowerCase(),
      hostIP: p.hostIP,
    }))
  const bandwidth = bandwidthOf(pod.metadata.annotations)
  return {
    ...(portMappings.length > 0 ? { portMappings } : {}),
    ...(bandwidth ? { bandwidth } : {}),
  }
}

/** As the kubelet does: rates in bits per second from the annotations, bursts as large as an int32 allows. */
function bandwidthOf(
  annotations: Readonly<Record<string, string>>,
): Readonly<Record<string, number>> | undefined {
  const rate = (direction: string): number | undefined =>
    quantity(annotations[`kubernetes.io/${direction}-bandwidth`] ?? '')
  const ingress = rate('ingress')
  const egress = rate('egress')
  if (ingress === undefined && egress === undefined) return undefined
  const burst = 2 ** 31 - 1
  return {
    ...(ingress === undefined ? {} : { ingressRate: ingress, ingressBurst: burst }),
    ...(egress === undefined ? {} : { egressRate: egress, egressBurst: burst }),
  }
}

const factors: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
}

function quantity(text: string): number | undefined {
  const parts = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(text)
  const factor = factors[parts?.[2] ?? '?']
  return parts && factor !== undefined ? Math.round(Number(parts[1]) * factor) : undefined
}
