// A Service as kube-proxy makes it, in the node's own namespace: what it translates, the programs must leave alone.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import { Udp } from '../../guard/sockets.ts'
import { bed, toStack, VERDICT } from './bed.ts'
import { ipPacket, type Segment } from './bytes.ts'
import { egress, fromPeer, fromPod, ingress, swapped, toPeer } from './node.ts'
import { tableOf } from './tables.ts'
import { families, ip, peers, podAddress, standardTopology } from './topology.ts'

const knowing = bed({ constants: { have_conntrack: 1 } })
const services = { 4: ip('10.96.0.10'), 6: ip('fd00:96::10') } as const

const inNode = (command: string, input = ''): void => {
  const [name = '', ...rest] = command.split(' ')
  execFileSync('nsenter', [`--net=${knowing.node.path}`, name, ...rest], { input })
}

/** The node itself plays the pod: it has its address, and asks the Service from it. */
before(() => {
  knowing.lay(standardTopology(knowing))
  inNode('ip link set lo up')
  const rules = families.map((f) => {
    const family = f === 4 ? 'ip' : 'ip6'
    const backend = f === 4 ? `${peers.direct.pod[4]}:53` : `[${peers.direct.pod[6]}]:53`
    inNode(`ip addr add ${podAddress(0, f)} dev lo${f === 6 ? ' nodad' : ''}`)
    inNode(`ip -${f} route add default dev up0`)
    return `table ${family} services { chain out { type nat hook output priority -100;
      ${family} daddr ${services[f]} udp dport 53 dnat to ${backend}
    }
    }`
  })
  inNode('nft -f -', rules.join('\n'))
  for (const f of families) {
    const socket = new Udp(knowing.node, { ip: podAddress(0, f), port: 4000 })
    assert.equal(socket.send({ ip: services[f], port: 53 }, 'a question'), undefined)
    after(() => socket[Symbol.dispose]())
  }
})

for (const family of families) {
  const question: Segment = { protocol: 'udp', ...toPeer(0, peers.direct, family), ports: [4000, 53] }
  const answer = fromPeer(peers.direct, ipPacket(swapped(question)))

  test(`IPv${family}: the answer to a translated question goes to the stack, and so does all of its flow`, () => {
    knowing.forget()
    assert.deepEqual(ingress(knowing, answer), toStack(answer, 'reason_translated'))
    const direct = ipPacket(question)
    assert.deepEqual(egress(knowing, 0, direct), toStack(fromPod(0, direct), 'reason_translated'))
    assert.deepEqual(ingress(knowing, answer), toStack(answer, 'reason_translated'))
    assert.deepEqual(
      [...tableOf(knowing, 'flows'), ...tableOf(knowing, 'half_open')].map((f) => f.lane),
      ['plain'],
    )
  })

  test(`IPv${family}: the other direction first is no difference`, () => {
    knowing.forget()
    const direct = ipPacket(question)
    assert.deepEqual(egress(knowing, 0, direct), toStack(fromPod(0, direct), 'reason_translated'))
    assert.deepEqual(ingress(knowing, answer), toStack(answer, 'reason_translated'))
  })

  test(`IPv${family}: a flow with another port, that nobody translates, is fast`, () => {
    knowing.forget()
    const other = ipPacket({ ...question, ports: [4001, 53] })
    assert.equal(egress(knowing, 0, other).verdict, VERDICT.redirect)
  })
}
