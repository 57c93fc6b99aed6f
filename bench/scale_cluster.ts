// The cluster that the agent is told of: one real node and a thousand simulated ones, half of them on its segment,
// half behind a router. Node objects are as long as those that a kubelet writes.

import type { Ip } from '../src/base/ip.ts'
import { type KubeObject, kubeObject } from '../src/lab/apiserver/object.ts'
import { ip } from './lib/node_namespace.ts'

export const SELF = 'node-self'
export const SELF_ADDRESS = { ip: ip('192.168.0.1'), prefixLength: 16 }
export const API_PORT = 6443
export const TOKEN = 'bench'

const NODE_BYTES = 12_000

/** Even ones are on the segment. */
export const isOnSegment = (i: number): boolean => i % 2 === 0

export const addressOf = (i: number): Ip =>
  ip(`${isOnSegment(i) ? '192.168' : '172.16'}.${1 + (i >> 8)}.${i & 255}`)

export const podRangeOf = (i: number): string => `10.${64 + (i >> 8)}.${i & 255}.0/24`

export const nodeName = (i: number): string => `node-${String(i).padStart(5, '0')}`

export const simulatedNode = (i: number): KubeObject => nodeObject(nodeName(i), addressOf(i), podRangeOf(i))

export const selfNode = (podRange: string): KubeObject => nodeObject(SELF, SELF_ADDRESS.ip, podRange)

function nodeObject(name: string, address: Ip, podCIDR: string): KubeObject {
  const managedFields = Array.from({ length: NODE_BYTES / 120 }, (_, i) => ({
    ...{ manager: 'kubelet', operation: 'Update', fieldsType: 'FieldsV1' },
    fieldsV1: { [`f:status/${i}`]: { 'f:type': {}, 'f:value': '"quoted \\ text"' } },
  }))
  return kubeObject({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, managedFields },
    spec: { podCIDR, podCIDRs: [podCIDR] },
    status: { addresses: [{ type: 'InternalIP', address }] },
  })
}
