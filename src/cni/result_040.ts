// Results of 0.3.0, 0.3.1 and 0.4.0: interfaces, and addresses that name their family a second time.

import { familyOf } from '../base/ip.ts'
import type { CniResult } from './result.ts'
import { formatResult100 } from './result_100.ts'
import { addressText, compact } from './result_text.ts'
import type { Version } from './versions.ts'

export function formatResult040(result: CniResult, version: Version): object {
  return {
    ...formatResult100(result, version),
    ips: result.ips.map((ip) =>
      compact({
        version: String(familyOf(ip.address.ip)),
        interface: ip.interface,
        address: addressText(ip.address),
        gateway: ip.gateway,
      }),
    ),
  }
}
