// What the uplink is and loses: /sys/class/net as its network namespace shows it, /proc/net/dev for the drops. A /sys that
// was mounted in another namespace has no such link, or another of that name; then these facts are missing.

import { readlinkSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { basename } from 'node:path'
import type { UplinkFacts } from '../../schema/load_facts.ts'
import { namesIn, readNumber, readText } from './text_file.ts'

export type UplinkDrops = { readonly receiving: number; readonly sending: number }

const SYS = '/sys/class/net'

/** Since the link was made. */
export function readUplinkDrops(name: string, path = '/proc/net/dev'): UplinkDrops {
  const line = (readText(path) ?? '').split('\n').find((l) => l.trim().startsWith(`${name}:`))
  // Receive: bytes packets errs drop fifo frame compressed multicast; transmit: bytes packets errs drop …
  const columns = (line?.split(':')[1] ?? '').trim().split(/\s+/).map(Number)
  return { receiving: columns[3] ?? 0, sending: columns[11] ?? 0 }
}

export function readUplink(
  name: string,
  mtuBytes: number,
  folder = SYS,
  mac = macOf(name),
): Omit<UplinkFacts, 'droppedReceiving' | 'droppedSending'> {
  const link = `${folder}/${name}`
  const queues = namesIn(`${link}/queues`).filter((q) => q.startsWith('rx-'))
  if (queues.length === 0 || readText(`${link}/address`)?.trim() !== mac) return { name, mtuBytes }
  const masks = queues.map((queue) => readText(`${link}/queues/${queue}/rps_cpus`) ?? '')
  const driver = driverOf(link)
  const virtualFunctions = readNumber(`${link}/device/sriov_totalvfs`)
  return {
    name,
    mtuBytes,
    receiveQueues: queues.length,
    steering: masks.some((mask) => /[1-9a-f]/.test(mask)),
    ...(driver === undefined ? {} : { driver }),
    ...(virtualFunctions === undefined ? {} : { virtualFunctions }),
  }
}

/** As this process's own namespace has it. */
const macOf = (name: string): string | undefined => networkInterfaces()[name]?.[0]?.mac

/** A link without a device is made of software: veth, bond, bridge. */
function driverOf(link: string): string | undefined {
  try {
    return basename(readlinkSync(`${link}/device/driver`))
  } catch {
    return /^DEVTYPE=(.+)$/m.exec(readText(`${link}/uevent`) ?? '')?.[1] ?? 'none (a software link)'
  }
}
