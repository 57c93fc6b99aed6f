// The file of the static input: nodes with their addresses and ranges, and optionally pods. A person writes it, so
// anything wrong in it is a Fault with file, line and key, where the API's objects would get a complaint.

import * as v from 'valibot'
import { type Cidr, cidrFamily } from '../base/cidr.ts'
import { ok, type Result } from '../base/result.ts'
import type { NodeRow, PodRow } from '../state/rows.ts'
import { parseYaml } from './document.ts'
import { nodeNameValue, routableCidrValue, routableIpValue, textValue } from './values.ts'

const textsSchema = v.nullish(v.record(textValue, v.string('a text in quotes')), {})

const oneOfEachFamily = (cidrs: Cidr[]): boolean => new Set(cidrs.map(cidrFamily)).size === cidrs.length

const nodeSchema = v.strictObject({
  name: nodeNameValue,
  /** The first of each family is the one used. */
  addresses: v.pipe(v.array(routableIpValue), v.minLength(1, 'at least one address')),
  podCIDRs: v.nullish(
    v.pipe(v.array(routableCidrValue), v.check(oneOfEachFamily, 'at most one range of each family')),
    [],
  ),
})

const podSchema = v.strictObject({
  name: textValue,
  namespace: v.optional(textValue, 'default'),
  /** Absent: the pod is on every node that reads this file, which suits a file with one reader. */
  node: v.optional(nodeNameValue),
  /** Absent: namespace/name. */
  uid: v.optional(textValue),
  addresses: v.nullish(v.array(routableIpValue), []),
  labels: textsSchema,
  annotations: textsSchema,
})

const uidOf = (pod: v.InferOutput<typeof podSchema>): string => pod.uid ?? `${pod.namespace}/${pod.name}`

/** Refuses the second of two items that have the same key, at its line. */
function distinct<T>(keyOf: (item: T) => string, key: string, wanted: string) {
  return v.rawCheck<T[]>(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    const seen = new Set<string>()
    dataset.value.forEach((item, index) => {
      const id = keyOf(item)
      if (seen.has(id)) {
        const at = { type: 'array', origin: 'value', input: dataset.value, key: index, value: item } as const
        addIssue({
          message: wanted,
          path: [at, { type: 'object', origin: 'value', input: {}, key, value: id }],
        })
      }
      seen.add(id)
    })
  })
}

const fileSchema = v.strictObject({
  nodes: v.pipe(
    v.array(nodeSchema),
    distinct((node) => node.name, 'name', 'a name that no other node has'),
  ),
  pods: v.nullish(
    v.pipe(v.array(podSchema), distinct(uidOf, 'name', 'a name or uid that no other pod has')),
    [],
  ),
})

export type StaticRows = { readonly nodes: readonly NodeRow[]; readonly pods: readonly PodRow[] }

/** The rows as `nodeName` sees them: all nodes, and its own pods. */
export function parseStaticFile(text: string, source: string, nodeName: string): Result<StaticRows> {
  const parsed = parseYaml(fileSchema, text, source)
  if (!parsed.ok) return parsed
  const nodes = parsed.value.nodes.map(
    ({ name, addresses, podCIDRs }): NodeRow => ({ name, addresses, podCidrs: podCIDRs, complaints: [] }),
  )
  const own = parsed.value.pods.filter((pod) => pod.node === undefined || pod.node === nodeName)
  const pods = own.map((pod): PodRow => {
    const { name, namespace, addresses, labels, annotations } = pod
    return { uid: uidOf(pod), namespace, name, addresses, ended: false, labels, annotations }
  })
  return ok({ nodes, pods })
}
