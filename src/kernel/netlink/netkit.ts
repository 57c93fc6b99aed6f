// netkit devices (Linux 6.7): pairs as veth, made for BPF. So far only whether the kernel has them.

import { concat, nest, textAttr } from './attribute.ts'
import { type Message, NLM_F_CREATE, NLM_F_EXCL } from './message.ts'

const RTM_NEWLINK = 16
const IFLA_IFNAME = 3
const IFLA_LINKINFO = 18
const INFO_KIND = 1

/** A pair with all defaults, for a namespace that ends at once. */
export const tryNetkit = (name: string): Message => ({
  type: RTM_NEWLINK,
  flags: NLM_F_CREATE | NLM_F_EXCL,
  object: `netkit ${name}`,
  body: concat([
    new Uint8Array(16),
    textAttr(IFLA_IFNAME, name),
    nest(IFLA_LINKINFO, [textAttr(INFO_KIND, 'netkit')]),
  ]),
})
