import assert from 'node:assert/strict'
import { addressOf, run } from '../guard/cluster.ts'
import { Udp } from '../guard/sockets.ts'
import { families, fastCluster, type Pod } from './cluster.ts'
import { byClsact, onEveryLane, overIpv6, type Setting } from './lanes.ts'
import { knownMtuBytes, PORT, payload, sized } from './sized.ts'

/** Outer IP, UDP, VXLAN, inner Ethernet. */
const mtuTo = ({ path, underlay = [4] }: Setting, isFar: boolean): number =>
  path === 'direct' || !isFar ? 1500 : 1500 - (underlay.includes(4) ? 20 : 40) - 8 - 8 - 14

/** Lets a pod send packets that its node cannot carry on: a veth takes four bytes more than its peer's MTU. */
function enlarge(pod: Pod): void {
  run(pod.ns, 'ip', 'link', 'set', 'eth0', 'mtu', '1504')
  for (const v of families) {
    const route = run(pod.ns, 'ip', `-${v}`, 'route', 'show', 'default').trim()
    const words = route.replace(/ mtu \d+| pref \w+/g, '').split(' ')
    run(pod.ns, 'ip', `-${v}`, 'route', 'replace', ...words.filter((w) => w !== ''), 'mtu', '1504')
  }
}

for (const each of [onEveryLane, overIpv6, byClsact])
  each(
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
          const mtuBytes = mtuTo(setting, to.container === 'far')
          using ear = new Udp(to.ns, { ip: address, port: PORT })
          using talk = await sized(from, address, 'probe')
          const fitting = payload(mtuBytes, address)
          assert.equal(talk.send(fitting), 0)
          assert.equal(
            (await ear.receive())?.data,
            fitting.toString('latin1'),
            `${mtuBytes} bytes to ${address}`,
          )
          assert.equal(talk.send(payload(mtuBytes + 1, address)), 0)
          assert.match(String(await talk.receive()), /EMSGSIZE/, `${mtuBytes + 1} bytes to ${address}`)
          assert.equal(knownMtuBytes(talk), mtuBytes)
          assert.equal(await ear.receive(0), undefined, 'the larger one does not arrive')
          talk.send(fitting)
          assert.equal((await ear.receive())?.data, fitting.toString('latin1'), 'the flow goes on')
        }
    },
  )
