// Which addresses new services get: the lowest that no service has, of each service range.

import { type Cidr, cidrAddress, cidrBounds } from '../../base/cidr.ts'
import { listAt } from './json.ts'
import { services } from './kinds/service.ts'
import type { Store } from './store.ts'

/** The network address and the first one after it stay free: the latter is the API's own by custom. */
const FIRST = 10n

export function serviceAddresses(ranges: readonly Cidr[]): (store: Store) => readonly string[] {
  return (store) => {
    const used = new Set(store.list(services).flatMap((s) => listAt(s, 'spec', 'clusterIPs')))
    return ranges.flatMap((range) => {
      const { first, last } = cidrBounds(range)
      for (let n = FIRST; first + n < last; n++) {
        const address = cidrAddress(range, n)
        if (!used.has(address)) return [address]
      }
      return []
    })
  }
}
