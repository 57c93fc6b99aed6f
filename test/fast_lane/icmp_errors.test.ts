import assert from 'node:assert/strict'
import { addressOf } from '../guard/cluster.ts'
import { Udp } from '../guard/sockets.ts'
import { families, fastCluster, type Pod } from './cluster.ts'
import { onEveryLane } from './lanes.ts'
import { Talk } from './talk.ts'

const PORT = 7000
const LEVEL = { 4: 0, 6: 41 } as const
/** IP_TTL, IPV6_UNICAST_HOPS. */
const TTL = { 4: 2, 6: 16 } as const
/** IP_RECVERR, IPV6_RECVERR: to be told of errors that may pass by themselves, too. */
const RECVERR = { 4: 11, 6: 25 } as const

onEveryLane('errors by ICMP reach the sender', async (t, setting) => {
  const { nodes } = await fastCluster(t, setting)
  const [one, two] = nodes
  const pods = { from: await one.pod('from'), others: [await one.pod('near'), await two.pod('far')] }
  await t.test(
    'a packet whose TTL ends at the node is answered «time exceeded», in a flow that goes on',
    () => expiring(pods),
  )
  await t.test('a UDP port that nobody serves refuses, at once and after its server has gone', () =>
    refusing(pods),
  )
})

type Pods = { readonly from: Pod; readonly others: readonly Pod[] }

async function expiring({ from, others }: Pods): Promise<void> {
  for (const to of others)
    for (const v of families) {
      using ear = new Udp(to.ns, { ip: addressOf(to, v), port: PORT })
      using talk = await Talk.open({ from: from.ns, to: addressOf(to, v), port: PORT, protocol: 'udp' })
      talk.option(LEVEL[v], RECVERR[v], 1)
      for (const round of ['first', 'second']) {
        for (let n = 0; n < 3; n++) {
          talk.option(LEVEL[v], TTL[v], 64)
          talk.send(Buffer.from(round))
          const got = await ear.receive()
          assert.equal(got?.data, round)
          if (got) ear.send(got.from, 'yes')
          assert.equal(String(await talk.receive()), 'yes')
        }
        talk.option(LEVEL[v], TTL[v], 1)
        talk.send(Buffer.from('too far'))
        assert.match(String(await talk.receive()), /EHOSTUNREACH/, `to ${addressOf(to, v)}`)
        assert.equal(await ear.receive(0), undefined)
      }
    }
}

async function refusing({ from, others }: Pods): Promise<void> {
  for (const to of others)
    for (const v of families) {
      const question = { from: from.ns, to: addressOf(to, v), protocol: 'udp' } as const
      const refused = async (talk: Talk): Promise<void> => {
        talk.send(Buffer.from('anybody?'))
        assert.match(String(await talk.receive()), /ECONNREFUSED/, `to ${question.to}`)
      }
      using closed = await Talk.open({ ...question, port: PORT + 1 })
      await refused(closed)
      using talk = await Talk.open({ ...question, port: PORT })
      {
        using server = new Udp(to.ns, { ip: question.to, port: PORT })
        for (let n = 0; n < 3; n++) {
          talk.send(Buffer.from('hello'))
          const got = await server.receive()
          if (got) server.send(got.from, 'yes')
          assert.equal(String(await talk.receive()), 'yes')
        }
      }
      await refused(talk)
    }
}
