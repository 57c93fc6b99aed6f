// Where this node stands: itself, and its peers as a dot each, in groups by kind of path and segment. A group of a
// thousand is a field of dots, in which the few with faults are seen at once; no line is drawn to each of them.

import type { AgentStatus, PathKind, PeerStatus } from '../../schema/agent_status.ts'
import type { NodeFacts } from './facts.ts'
import { counted } from './figures.ts'
import { type Html, html } from './html.ts'
import { notMeasured } from './section.ts'
import { groupPeers, type PeerGroup } from './topology_groups.ts'

const CELL = 10
const COLUMNS = 32
const NAMED = 4

export function topology({ status, paths }: NodeFacts): Html {
  if (!status.ok) return notMeasured(status.error)
  const faults = new Map(paths.ok ? paths.value.peers.map((p) => [p.peer, p.faults]) : [])
  const groups = groupPeers(status.value)
  return html`<div class="topology">
${hereCard(status.value)}
${
  groups.length === 0
    ? html`<p>No other node is known.</p>`
    : html`<ul class="groups">${groups.map((g) => groupCard(g, faults))}</ul>`
}
</div>
`
}

function hereCard({ nodeName, uplink, pods, podMtuBytes, podDevice, ranges }: AgentStatus): Html {
  const way = uplink ? `${uplink.name}, MTU ${uplink.mtuBytes}, ${uplink.addresses.join(', ')}` : 'no uplink'
  const inside = `${counted(pods.length, 'pod')} in ${ranges.map((r) => r.cidr).join(', ') || 'no range'}`
  const device = podDevice === undefined ? '' : ` on ${podDevice}`
  return html`<div class="card here"><strong><bdi>${nodeName}</bdi></strong><span>${inside}${device}, MTU ${podMtuBytes}</span><span>${way}</span></div>`
}

type Faults = ReadonlyMap<string, readonly string[]>
const WORDS: Readonly<Record<PathKind, string>> = {
  direct: 'direct: plain packets, no encapsulation',
  vxlan: 'VXLAN: through a router, encapsulated',
  none: 'no path',
}

function groupCard({ path, segment, peers }: PeerGroup, faults: Faults): Html {
  const wrong = peers.filter((p) => isWrong(p, faults)).length
  const lanes = [...Map.groupBy(peers, (p) => p.lane?.lane ?? 'no lane')]
    .map(([lane, some]) => `${lane} lane${some.length === peers.length ? '' : ` ${some.length}`}`)
    .join(', ')
  const health = wrong === 0 ? '' : html` <span class="mark bad">${wrong} with faults</span>`
  return html`<li class="card ${path}"><div class="words"><strong>${counted(peers.length, 'peer')} in ${segment}</strong>
<span>${WORDS[path]}; ${lanes}, MTU ${mtus(peers)}${health}</span>
<span class="names">${names(peers)}</span></div>
${field(peers, faults)}</li>
`
}

const isWrong = (p: PeerStatus, faults: Faults): boolean =>
  p.path === 'none' || (faults.get(p.name)?.length ?? 0) > 0

function mtus(peers: readonly PeerStatus[]): string {
  const all = peers.map((p) => p.mtuBytes)
  const [least, most] = [Math.min(...all), Math.max(...all)]
  return least === most ? `${least}` : `${least} to ${most}`
}

/** A dot for each peer; one with a fault is a cross, so that no colour is needed to see it. */
function field(peers: readonly PeerStatus[], faults: Faults): Html {
  const columns = Math.min(COLUMNS, peers.length)
  const width = columns * CELL
  const height = Math.ceil(peers.length / columns) * CELL
  const wrong = peers.filter((p) => isWrong(p, faults)).length
  const dots = peers.map((peer, i) => {
    const [x, y] = [(i % columns) * CELL + CELL / 2, Math.floor(i / columns) * CELL + CELL / 2]
    const words = faults.get(peer.name)?.join('; ') ?? ''
    const title = html`<title>${peer.name}, ${peer.address}${words === '' ? '' : `: ${words}`}</title>`
    return isWrong(peer, faults)
      ? html`<path class="wrong" d="M${x - 3} ${y - 3}l6 6m0-6l-6 6">${title}</path>`
      : html`<circle cx="${x}" cy="${y}" r="3.2">${title}</circle>`
  })
  return html`<svg class="field" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img"><title>${counted(peers.length, 'peer')}, ${wrong} of them with faults</title>${dots}</svg>`
}

function names(peers: readonly PeerStatus[]): Html {
  const more = peers.length - NAMED
  const shown = peers.slice(0, NAMED).map((p, i) => html`${i === 0 ? '' : ', '}<bdi>${p.name}</bdi>`)
  return html`${shown}${more > 0 ? ` and ${more} more` : ''}`
}
