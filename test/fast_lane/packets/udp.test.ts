import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Bed, bed, VERDICT } from './bed.ts'
import { ECHO_REPLY, ipPacket, type Segment } from './bytes.ts'
import { egress, fromPeer, ingress, swapped, toPeer } from './node.ts'
import { sizes } from './tables.ts'
import { families, peers, standardTopology } from './topology.ts'

const knowing = bed({ constants: { have_conntrack: 1 } })
const unknowing = bed({ constants: { have_conntrack: 0 } })

const said = (ran: ReturnType<typeof ingress>): string =>
  ran.verdict === VERDICT.redirect ? 'fast' : ran.reasons.join()

function exchange(node: Bed, segment: Segment) {
  node.forget()
  node.lay(standardTopology(node))
  const type = segment.protocol === 'echo' ? { type: ECHO_REPLY[segment.src.includes(':') ? 6 : 4] } : {}
  return {
    ask: () => said(egress(node, 0, ipPacket(segment))),
    answer: () => said(ingress(node, fromPeer(peers.vxlan4, ipPacket({ ...swapped(segment), ...type })))),
  }
}

for (const family of families)
  for (const protocol of ['udp', 'echo'] as const) {
    const segment: Segment = { protocol, ...toPeer(0, peers.vxlan4, family), ports: [4000, 53] }

    test(`IPv${family} ${protocol}: the answer promotes the flow, not a second question`, () => {
      const { ask, answer } = exchange(knowing, segment)
      assert.equal(ask(), 'fast')
      assert.equal(ask(), 'fast')
      assert.deepEqual(sizes(knowing), { waiting: 1, working: 0 })
      assert.equal(answer(), 'fast')
      assert.deepEqual(sizes(knowing), { waiting: 0, working: 1 })
      assert.equal(ask(), 'fast')
    })

    test(`IPv${family} ${protocol}: where the kernel cannot be asked, the answer makes it fast`, () => {
      const { ask, answer } = exchange(unknowing, segment)
      assert.equal(ask(), 'reason_unseen')
      assert.equal(ask(), 'reason_unseen')
      assert.equal(answer(), 'fast')
      assert.equal(ask(), 'fast')
    })
  }

test('TCP, UDP and echo with the same numbers are three flows', () => {
  knowing.forget()
  knowing.lay(standardTopology(knowing))
  for (const protocol of ['tcp', 'udp', 'echo'] as const)
    egress(knowing, 0, ipPacket({ protocol, ...toPeer(0, peers.vxlan4, 4), ports: [7, 7] }))
  assert.deepEqual(sizes(knowing), { waiting: 3, working: 0 })
})
