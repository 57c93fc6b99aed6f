import assert from 'node:assert/strict'
import { addressOf } from '../guard/cluster.ts'
import { type Datagram, Udp } from '../guard/sockets.ts'
import { families, fastCluster } from './cluster.ts'
import { onEveryLane, overIpv6 } from './lanes.ts'
import { headersTo, PORT, payload, sized } from './sized.ts'

for (const [podMtu, each] of [
  ['uplink', onEveryLane],
  ['smallest', overIpv6],
] as const)
  each(`a datagram of 4,000 bytes arrives whole from its fragments, podMtu ${podMtu}`, async (t, setting) => {
    const { nodes } = await fastCluster(t, { ...setting, config: { podMtu } })
    const [one, two] = nodes
    const pods = [await one.pod('from'), await one.pod('near'), await two.pod('far')] as const
    for (const [from, to] of [
      [pods[0], pods[1]],
      [pods[0], pods[2]],
      [pods[2], pods[0]],
    ] as const)
      for (const v of families) {
        const address = addressOf(to, v)
        using ear = new Udp(to.ns, { ip: address, port: PORT })
        using talk = await sized(from, address, 'fragment')
        const small = Buffer.from('small')
        talk.send(small)
        assert.equal((await ear.receive())?.data, 'small')
        const large = payload(4000 + headersTo(address), address)
        // IPv6 is fragmented by the sender alone, who has to be told first where the path is narrower than his link.
        const tries = podMtu === 'uplink' && v === 6 ? 3 : 1
        let got: Datagram | undefined
        for (let n = 0; n < tries && !got; n++) {
          talk.send(large)
          got = await ear.receive()
        }
        assert.equal(got?.data, large.toString('latin1'), `to ${address}`)
        talk.send(small)
      }
  })
