// Base chains of every nft table (nfnetlink, NFT_MSG_GETCHAIN): who has a say at which hook of this namespace.

import { attributes, readBe32, readText } from '../netlink/attribute.ts'
import type { Message } from '../netlink/message.ts'

const GETCHAIN = (10 << 8) | 4
const CHAIN = { TABLE: 1, HOOK: 4, TYPE: 7 } as const
const HOOK_NUMBER = 1
/** Enum nf_inet_hooks. */
const HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const
const FAMILIES: ReadonlyMap<number, BaseChain['family']> = new Map([
  [1, 'inet'],
  [2, 'ip'],
  [10, 'ip6'],
])

export type BaseChain = {
  readonly family: 'inet' | 'ip' | 'ip6'
  readonly table: string
  readonly hook: (typeof HOOKS)[number]
  /** `filter`, `nat` or `route`. */
  readonly type: string
}

/** For a dump, of all families. */
export const getChains = (): Message => ({
  type: GETCHAIN,
  flags: 0,
  object: 'chains',
  body: Uint8Array.of(0, 0, 0, 0),
})

/** Undefined for a chain at no hook, or of a family that carries no IP packets by itself. */
export function parseChain(body: Uint8Array): BaseChain | undefined {
  const family = FAMILIES.get(body[0] ?? 0)
  const all = attributes(body.subarray(4))
  const hook = HOOKS[readBe32(attributes(all.get(CHAIN.HOOK) ?? new Uint8Array(0)).get(HOOK_NUMBER)) ?? -1]
  const table = readText(all.get(CHAIN.TABLE))
  if (family === undefined || hook === undefined || table === undefined) return undefined
  return { family, table, hook, type: readText(all.get(CHAIN.TYPE)) ?? '' }
}
