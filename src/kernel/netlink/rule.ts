// Policy routing rules (RTM_*RULE, linux/fib_rules.h).

import type { Family } from '../../base/ip.ts'
import { AF_INET, AF_INET6 } from './address.ts'
import { attributes, concat, readText, readU8, readU32, textAttr, u8Attr, u32Attr } from './attribute.ts'
import { type Message, NLM_F_CREATE, NLM_F_EXCL } from './message.ts'

const RTM_NEWRULE = 32
const RTM_DELRULE = 33
const RTM_GETRULE = 34
const FRA = { IIFNAME: 3, PRIORITY: 6, FWMARK: 10, TABLE: 15, FWMASK: 16, PROTOCOL: 21 } as const
const FR_ACT_TO_TBL = 1

export type RuleSpec = {
  readonly family: Family
  readonly priority: number
  readonly table: number
  readonly inputDevice?: string
  readonly mark?: { readonly value: number; readonly mask: number }
  readonly protocol: number
}

const message = (type: number, flags: number, r: RuleSpec): Message => {
  const head = new Uint8Array(12)
  head[0] = r.family === 4 ? AF_INET : AF_INET6
  head[7] = FR_ACT_TO_TBL
  return {
    type,
    flags,
    object: `rule ${r.priority} to table ${r.table} of IPv${r.family}`,
    body: concat([
      head,
      u32Attr(FRA.PRIORITY, r.priority),
      u32Attr(FRA.TABLE, r.table),
      u8Attr(FRA.PROTOCOL, r.protocol),
      ...(r.inputDevice === undefined ? [] : [textAttr(FRA.IIFNAME, r.inputDevice)]),
      ...(r.mark ? [u32Attr(FRA.FWMARK, r.mark.value), u32Attr(FRA.FWMASK, r.mark.mask)] : []),
    ]),
  }
}

export const addRule = (r: RuleSpec): Message => message(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, r)
export const delRule = (r: RuleSpec): Message => message(RTM_DELRULE, 0, r)

export function getRules(family: Family): Message {
  const head = new Uint8Array(12)
  head[0] = family === 4 ? AF_INET : AF_INET6
  return { type: RTM_GETRULE, flags: 0, object: `rules of IPv${family}`, body: head }
}

export function parseRule(body: Uint8Array): RuleSpec {
  const all = attributes(body.subarray(12))
  const mark = readU32(all.get(FRA.FWMARK))
  const device = readText(all.get(FRA.IIFNAME))
  return {
    family: body[0] === AF_INET ? 4 : 6,
    priority: readU32(all.get(FRA.PRIORITY)) ?? 0,
    table: readU32(all.get(FRA.TABLE)) ?? body[4] ?? 0,
    protocol: readU8(all.get(FRA.PROTOCOL)) ?? 0,
    ...(device === undefined ? {} : { inputDevice: device }),
    ...(mark === undefined
      ? {}
      : { mark: { value: mark, mask: readU32(all.get(FRA.FWMASK)) ?? 0xffffffff } }),
  }
}
