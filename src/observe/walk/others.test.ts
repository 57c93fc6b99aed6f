import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NETLINK_NETFILTER, NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { OtherTables } from './others.ts'

test('all chains are dumped once in ten seconds, for both families', () => {
  using socket = new NetlinkSocket(NETLINK_NETFILTER)
  let [nowMs, dumps] = [0, 0]
  const counting: Pick<NetlinkSocket, 'dump'> = {
    dump: (message) => {
      dumps++
      return socket.dump(message)
    },
  }
  const tables = new OtherTables(() => nowMs)
  const first = tables.read(counting, 4)
  tables.read(counting, 6)
  nowMs = 10_000
  assert.deepEqual([tables.read(counting, 4), dumps], [first, 1])
  nowMs = 10_001
  tables.read(counting, 4)
  assert.equal(dumps, 2)
})
