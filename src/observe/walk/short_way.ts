// Whether two pods of this node exchange TCP's bytes from socket to socket: then the walk is that of few packets only.

import { join } from 'node:path'
import { layouts } from '../../apply/fast_lane/abi.ts'
import { addressKey } from '../../apply/fast_lane/values.ts'
import { RECORD } from '../../apply/sockets/sockets.ts'
import { isOn } from '../../apply/sockets/switch.ts'
import { openPinnedMap } from '../../kernel/bpf/map.ts'
import type { Packet } from '../../schema/walk.ts'

/** @param folder on a bpffs, of the fast lane and the sockets */
export function readShortWay(folder: string, { source, destination, protocol }: Packet): readonly string[] {
  const sockets = join(folder, 'sockets')
  if (protocol !== 'tcp' || !isOn(sockets)) return []
  const opened = openPinnedMap(join(sockets, RECORD))
  if (!opened.ok || !opened.value) return []
  const { at } = layouts.socket_pod.opted
  const both = [source, destination].every(
    (ip) => opened.value?.lookup(addressKey(ip))?.readUInt32LE(at) === 1,
  )
  opened.value.close()
  if (!both) return []
  return [
    'both pods have opted in to same-node sockets: TCP’s bytes skip this walk, packets begin and end connections',
  ]
}
