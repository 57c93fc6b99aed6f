// What waits for an answer is followed without another decision. That shows when the rules change behind the programs'
// back, with no epoch raised: only a decision would notice.

import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { addressKey } from '../../../src/apply/fast_lane/values.ts'
import { bed, type Ran, VERDICT } from './bed.ts'
import { TCP } from './bytes.ts'
import { back, egress, fromPeer, ingress, tcp, toPeer } from './node.ts'
import { sizes, tableOf } from './tables.ts'
import { families, peers, podAddress, standardTopology } from './topology.ts'

const { SYN, ACK, RST, FIN } = TCP
const node = bed({ constants: { have_conntrack: 1 } })
beforeEach(() => {
  node.forget()
  node.lay(standardTopology(node))
})
const said = (ran: Ran): string => (ran.verdict === VERDICT.redirect ? 'fast' : ran.reasons.join())

for (const family of families) {
  const ends = toPeer(0, peers.vxlan4, family)
  const out = (flags: number): string => said(egress(node, 0, tcp(ends, { flags })))
  const answer = (flags: number): string =>
    said(ingress(node, fromPeer(peers.vxlan4, tcp(back(ends), { flags, ports: [80, 40_000] }))))
  /** The test's own topology is written again at the next test. */
  const withoutPod = (work: () => void): void => {
    const endpoints = node.map('endpoints')
    const key = addressKey(podAddress(0, family))
    const value = endpoints.lookup(key) ?? assert.fail('no such pod')
    endpoints.delete(key)
    work()
    endpoints.update(key, value)
  }

  test(`IPv${family}: what waits and sends on is not decided again; a connection that begins is`, () => {
    assert.equal(out(ACK), 'fast')
    const [before] = tableOf(node, 'half_open')
    withoutPod(() => {
      assert.equal(out(ACK), 'fast')
      assert.equal(out(SYN), 'reason_sender')
      assert.equal(out(ACK), 'fast')
    })
    assert.deepEqual(tableOf(node, 'half_open'), [before])
  })

  test(`IPv${family}: an answer to what waits is not decided, and makes it work`, () => {
    out(SYN)
    withoutPod(() => assert.equal(answer(SYN | ACK), 'fast'))
    assert.deepEqual(sizes(node), { waiting: 0, working: 1 })
    withoutPod(() => assert.equal(out(ACK), 'fast'))
  })

  test(`IPv${family}: a raised epoch ends the waiting’s decision too`, () => {
    out(ACK)
    withoutPod(() => {
      node.epochs.raise([podAddress(0, family)])
      assert.equal(out(ACK), 'reason_sender')
      assert.equal(answer(SYN | ACK), 'reason_outside')
    })
  })

  test(`IPv${family}: what waits is broken off by an RST, and a FIN ends nothing`, () => {
    out(SYN)
    assert.equal(out(FIN | ACK), 'fast')
    assert.deepEqual(sizes(node), { waiting: 1, working: 0 })
    assert.equal(out(RST), 'fast')
    assert.deepEqual(sizes(node), { waiting: 0, working: 0 })
  })
}
