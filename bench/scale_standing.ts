// Everything that stands in the kernel of a node, as lines of text: two of them compared show a leak.

import { getAddresses, parseAddress } from '../src/kernel/netlink/address.ts'
import { getLinks, parseLink } from '../src/kernel/netlink/link.ts'
import { run } from './lib/command.ts'
import { inNamespace } from './lib/node_namespace.ts'

/** Lines `KIND what`, for links, addresses, routes, neighbours and nft elements. */
export function standing(node: string): ReadonlySet<string> {
  const inside = (...argv: readonly string[]): string => run('nsenter', `--net=${node}`, ...argv)
  const lines = (kind: string, text: string): string[] =>
    text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => `${kind} ${line.trim()}`)
  return new Set([
    ...linksAndAddresses(node),
    ...lines('route', inside('ip', '-4', 'route', 'show', 'table', 'all')),
    ...lines('route', inside('ip', '-6', 'route', 'show', 'table', 'all')),
    ...lines('neighbour', inside('ip', 'neighbour', 'show', 'nud', 'all').replaceAll(/ [A-Z]+ *$/gm, '')),
    ...lines('bridge', inside('bridge', 'fdb', 'show')),
    ...lines('qdisc', inside('tc', 'qdisc', 'show')),
    ...elements(inside('nft', '-j', 'list', 'ruleset')),
  ])
}

function linksAndAddresses(path: string): string[] {
  return inNamespace(path, (socket) => [
    ...socket.dump(getLinks()).map((body) => `link ${parseLink(body).name}`),
    ...socket
      .dump(getAddresses())
      .map(parseAddress)
      .map((a) => `address ${a?.ip}`),
  ])
}

function elements(json: string): string[] {
  const { nftables } = JSON.parse(json) as {
    nftables: readonly Readonly<Record<string, NftSet | undefined>>[]
  }
  return nftables.flatMap((object) => {
    const set = object.set ?? object.map
    return (set?.elem ?? []).map((e) => `element ${set?.family} ${set?.name} ${JSON.stringify(e)}`)
  })
}
type NftSet = { readonly family: string; readonly name: string; readonly elem?: readonly unknown[] }

export const leftOver = (before: ReadonlySet<string>, after: ReadonlySet<string>): readonly string[] =>
  [...after].filter((line) => !before.has(line))
