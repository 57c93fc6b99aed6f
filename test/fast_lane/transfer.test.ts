import { addressOf } from '../guard/cluster.ts'
import { families, fastCluster } from './cluster.ts'
import { onEveryLane, overIpv6 } from './lanes.ts'
import { transferBothWays } from './transfer.ts'

for (const each of [onEveryLane, overIpv6])
  each(
    'large transfers have the right sum where the path is narrower than the pods’ links',
    async (t, setting) => {
      const { nodes } = await fastCluster(t, { ...setting, config: { podMtu: 'uplink' } })
      const [one, two] = nodes
      const from = await one.pod('from')
      for (const to of [await one.pod('near'), await two.pod('far')])
        for (const v of families) {
          const at = { ns: to.ns, ip: addressOf(to, v), port: 8080 }
          await transferBothWays(t, { from: from.ns, to: at.ip, port: at.port, protocol: 'tcp' }, at)
        }
    },
  )
