import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { abiText } from '../../scripts/abi.ts'
import * as abi from '../../src/apply/fast_lane/abi.ts'
import { mapSpecs, PROGRAMS, readObjects } from '../../src/apply/fast_lane/programs.ts'
import { addressKey, bucketOf } from '../../src/apply/fast_lane/values.ts'
import { must } from '../../src/base/result.ts'
import { type Btf, KIND } from '../../src/kernel/bpf/btf.ts'
import { bed } from './packets/bed.ts'
import { egress, tcp, toPeer } from './packets/node.ts'
import { tableOf } from './packets/tables.ts'
import { families, type Peer, peers, podAddress, standardTopology } from './packets/topology.ts'

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url))
/** As it means the same however it is laid out in lines. */
const words = (text: string): string => text.replaceAll(/[\s,]+/g, ' ').replaceAll(/ ?([[\](){}]) ?/g, '$1')

test('abi.ts is what `make abi` makes of abi.h now', () => {
  const made = abiText(readFileSync(path('bpf/abi.h'), 'utf8'))
  assert.equal(words(readFileSync(path('src/apply/fast_lane/abi.ts'), 'utf8')), words(made))
})

const objects = must(readObjects({}))
type Layout = { readonly size: number } & Readonly<Record<string, unknown>>
type Field = { readonly at: number; readonly size: number; readonly count: number }
const layouts: readonly (readonly [string, Layout])[] = Object.entries(abi.layouts)

function fieldsOf(btf: Btf, struct: number) {
  return Array.from({ length: btf.memberCount(struct) }, (_, i) => {
    const { name, bitOffset, type } = btf.member(struct, i)
    return [name, bitOffset / 8, btf.size(type)]
  })
}

for (const [i, name] of PROGRAMS.entries())
  test(`sizes and offsets are those of the built program ${name}`, () => {
    const btf = objects[i]?.btf ?? assert.fail(name)
    let compared = 0
    for (const [struct, { size, ...fields }] of layouts) {
      const id = btf.find(KIND.STRUCT, struct)
      if (id === undefined) continue
      compared++
      assert.equal(btf.size(id), size, struct)
      const rows = Object.entries(fields as Record<string, Field>)
      assert.deepEqual(
        fieldsOf(btf, id),
        rows.map(([field, f]) => [field, f.at, f.size * f.count]),
        struct,
      )
    }
    assert.ok(compared >= 2, `${compared} structs were there to compare`)
  })

test('the maps’ keys and values are the structs of the ABI', () => {
  const sizes = Object.fromEntries(mapSpecs(objects).map((m) => [m.name, [m.keySize, m.valueSize]]))
  const {
    flow_key,
    flow,
    share,
    address,
    endpoint,
    range_key,
    path_count,
    pod_count,
    link_set,
    hop,
    neighbour,
  } = abi.layouts
  assert.deepEqual(sizes, {
    flows: [flow_key.size, flow.size],
    half_open: [flow_key.size, flow.size],
    epochs: [4, 4],
    shares: [4, share.size],
    endpoints: [address.size, endpoint.size],
    ranges: [range_key.size, 4],
    paths: [4, abi.layouts.path.size],
    path_counts: [4, path_count.size],
    pod_counts: [4, pod_count.size],
    links: [4, link_set.size],
    hops: [4, hop.size],
    tunnels: [address.size, 4],
    neighbours: [address.size, neighbour.size],
    reasons: [4, 8],
    events: [0, 0],
  })
})

test('an address has the same bucket here as in the programs', () => {
  const node = bed({ constants: { have_conntrack: 1 } })
  node.lay(standardTopology(node))
  const three: readonly Peer[] = [peers.direct, peers.vxlan4, peers.vxlan6]
  for (const family of families)
    for (const pod of [0, 1])
      for (const peer of three) {
        node.forget()
        egress(node, pod, tcp(toPeer(pod, peer, family)))
        const [flow] = tableOf(node, 'half_open')
        const wanted = [podAddress(pod, family), peer.pod[family]].map((ip) => bucketOf(addressKey(ip)))
        assert.deepEqual(flow?.sides.map((s) => s.bucket).sort(), wanted.sort())
        assert.ok(wanted.every((bucket) => bucket < abi.BUCKETS))
      }
})
