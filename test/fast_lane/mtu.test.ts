import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type Family, familyOf, type Ip } from '../../src/base/ip.ts'
import { addressOf, run } from '../guard/cluster.ts'
import { Udp } from '../guard/sockets.ts'
import { families, fastCluster, type Pod } from './cluster.ts'
import { onEveryLane, type Path } from './lanes.ts'
import { Talk } from './talk.ts'

const LEVEL = { 4: 0, 6: 41 } as const
const MTU_DISCOVER = { 4: 10, 6: 23 } as const
/** What the socket takes the path's MTU for: IP_MTU, IPV6_MTU. */
const MTU = { 4: 14, 6: 24 } as const
/** DF, and no heed of what is known of the path. */
const PROBE = 3
/** No DF, fragments. */
const DONT = 0
const HEADERS = { 4: 28, 6: 48 } as const
const PORT = 7000
/** Over an IPv4 underlay VXLAN takes 50 bytes. */
const mtuTo = (path: Path, isFar: boolean): number => (path === 'vxlan' && isFar ? 1450 : 1500)

/** Lets a pod send packets that its node cannot carry on: a veth takes four bytes more than its peer's MTU. */
function enlarge(pod: Pod): void {
  run(pod.ns, 'ip', 'link', 'set', 'eth0', 'mtu', '1504')
  for (const v of families) {
    const route = run(pod.ns, 'ip', `-${v}`, 'route', 'show', 'default').trim()
    const words = route.replace(/ mtu \d+| pref \w+/g, '').split(' ')
    run(pod.ns, 'ip', `-${v}`, 'route', 'replace', ...words.filter((w) => w !== ''), 'mtu', '1504')
  }
}

async function sender(from: Pod, to: Ip, discover: number): Promise<Talk> {
  const talk = await Talk.open({ from: from.ns, to, port: PORT, protocol: 'udp' })
  talk.option(LEVEL[familyOf(to)], MTU_DISCOVER[familyOf(to)], discover)
  return talk
}

const payload = (packetBytes: number, v: Family): Buffer =>
  Buffer.from(randomBytes(packetBytes).toString('latin1').slice(HEADERS[v]), 'latin1')

onEveryLane(
  'a packet of the path’s MTU passes with DF, one byte more is answered with the right size',
  async (t, setting) => {
    const { nodes } = await fastCluster(t, { ...setting, config: { podMtu: 'uplink' } })
    const [one, two] = nodes
    const others = [await one.pod('near'), await two.pod('far')]
    for (const to of others)
      for (const v of families) {
        // A pod remembers what it was told of a path.
        const from = await one.pod(`from-${to.container}-${v}`)
        enlarge(from)
        const address = addressOf(to, v)
        const mtuBytes = mtuTo(setting.path, to.container === 'far')
        using ear = new Udp(to.ns, { ip: address, port: PORT })
        using talk = await sender(from, address, PROBE)
        const fitting = payload(mtuBytes, v)
        assert.equal(talk.send(fitting), 0)
        assert.equal(
          (await ear.receive())?.data,
          fitting.toString('latin1'),
          `${mtuBytes} bytes to ${address}`,
        )
        assert.equal(talk.send(payload(mtuBytes + 1, v)), 0)
        assert.match(String(await talk.receive()), /EMSGSIZE/, `${mtuBytes + 1} bytes to ${address}`)
        assert.equal(talk.number(LEVEL[v], MTU[v]), mtuBytes)
        assert.equal(await ear.receive(0), undefined, 'the larger one does not arrive')
        talk.send(fitting)
        assert.equal((await ear.receive())?.data, fitting.toString('latin1'), 'the flow goes on')
      }
  },
)

for (const podMtu of ['smallest', 'uplink'])
  onEveryLane(
    `a datagram of 4,000 bytes arrives whole from its fragments, podMtu ${podMtu}`,
    async (t, setting) => {
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
          using talk = await sender(from, address, DONT)
          const small = Buffer.from('small')
          talk.send(small)
          assert.equal((await ear.receive())?.data, 'small')
          const large = payload(4000 + HEADERS[v], v)
          talk.send(large)
          let got = await ear.receive()
          // IPv6 is fragmented by the sender alone, who has to be told first of the narrower path.
          if (got === undefined && v === 6 && podMtu === 'uplink') {
            talk.send(large)
            if (talk.send(large) === 0) got = await ear.receive()
          }
          assert.equal(got?.data, large.toString('latin1'), `to ${address}`)
          talk.send(small)
        }
    },
  )
