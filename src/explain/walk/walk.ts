// The judge: from what the kernel's tables say to the walk of a packet, hop by hop, with a verdict and its reason. PURE.

import type { PodFact, WalkFacts } from '../../observe/walk/facts.ts'
import type { Hop, Walk, Wire } from '../../schema/walk.ts'
import { type Decision, decideArriving, decideSent, programNamed } from './decision.ts'
import { intoPod, toPath, tunnelBytes } from './fast.ts'
import { guardPod, guardWire } from './guard.ts'
import { stackStages } from './stack.ts'
import { type End, hop, type Stage, stopped } from './stage.ts'

export function walkOf(f: WalkFacts): Walk {
  const { decision, stages } = planned(f)
  const hops: Hop[] = []
  let largest = Number.MAX_SAFE_INTEGER
  let end: End | undefined
  for (const stage of stages) {
    const done = stage(f)
    hops.push(...done.hops)
    largest = Math.min(largest, done.limitBytes ?? largest)
    end = done.end
    if (end) break
  }
  if (end?.verdict === 'sent') hops.push(beyond(f))
  const known = hops.flatMap((h) => h.costNs ?? [])
  return {
    verdict: end?.verdict ?? 'dropped',
    why: end?.why ?? '',
    lane: decision.lane,
    laneWhy: decision.lane === 'fast' ? '' : decision.why,
    path: end?.path ?? 'none',
    largestBytes: largest === Number.MAX_SAFE_INTEGER ? 0 : largest,
    hops,
    ...(end?.wire ? { wire: end.wire } : {}),
    ...(known.length > 0 ? { costNs: known.reduce((sum, ns) => sum + ns, 0) } : {}),
  }
}

/** What the tables of this node cannot say. */
function beyond(f: WalkFacts): Hop {
  if (!f.peer)
    return hop(f, 'outside', { object: 'outside', does: 'has it from here on', verdict: 'assumed' })
  const does = 'is assumed to take it and to deliver it'
  return hop(f, 'node', {
    object: `node ${f.peer.name}`,
    does,
    why: 'only its own agent knows',
    verdict: 'assumed',
  })
}

type Plan = { readonly decision: Decision; readonly stages: readonly ((f: WalkFacts) => Stage)[] }

function planned(f: WalkFacts): Plan {
  const { entry } = f
  if (entry.kind === 'pod') {
    const decision = decideSent(f, entry.pod)
    return {
      decision,
      stages: [
        () => leaves(f, entry.pod),
        () => ({ hops: [sentHop(f, entry.pod, decision)] }),
        ...(decision.lane === 'fast'
          ? [() => sentFast(f, decision.path)]
          : [() => guardPod(f, entry.pod), ...stackStages]),
      ],
    }
  }
  if (entry.kind === 'wire') {
    const decision = decideArriving(f, entry.wire)
    return {
      decision,
      stages: [
        () => arrives(f, entry.wire),
        () => ({ hops: [arrivedHop(f, decision)] }),
        ...(decision.lane === 'fast'
          ? [() => leavesTunnel(f, entry.wire, true), () => intoPod(f, entry.wire.outer ? 'vxlan' : 'direct')]
          : [() => guardWire(f, entry.wire), () => leavesTunnel(f, entry.wire, false), ...stackStages]),
      ],
    }
  }
  return {
    decision: { lane: 'plain', why: 'the node sends it itself, and programs stand at pods’ interfaces' },
    stages: [
      () => ({ hops: [hop(f, 'node', { object: `node ${f.node}`, does: `sends ${f.packet.bytes} bytes` })] }),
      ...stackStages,
    ],
  }
}

function sentFast(f: WalkFacts, path: Extract<Decision, { lane: 'fast' }>['path']): Stage {
  return path.kind === 'here' ? intoPod(f, 'here', path.mtuBytes) : toPath(f, path)
}

function leaves(f: WalkFacts, pod: PodFact): Stage {
  const { link, end } = pod
  const object = `pod ${pod.name}`
  if (!link?.up || end?.up === false)
    return stopped(f, 'pod', { object, does: 'has its link down' }, 'unreachable')
  const mtuBytes = end?.mtuBytes ?? link.mtuBytes
  const does = `sends ${f.packet.bytes} bytes; its MTU is ${mtuBytes}`
  if (f.packet.bytes > mtuBytes)
    return {
      ...stopped(f, 'pod', { object, does, why: 'its own stack refuses or cuts it' }, 'too-big'),
      limitBytes: mtuBytes,
    }
  return { hops: [hop(f, 'pod', { object, does })], limitBytes: mtuBytes }
}

const sentHop = (f: WalkFacts, pod: PodFact, decision: Decision): Hop =>
  decisionHop(
    f,
    `at ${pod.link?.name}`,
    'pod_egress',
    decision,
    programNamed(pod.onSent, 'pod_egress')?.runNs,
  )

const arrivedHop = (f: WalkFacts, decision: Decision): Hop =>
  decisionHop(
    f,
    `at ${f.uplink?.name ?? 'the uplink'}`,
    'uplink_ingress',
    decision,
    programNamed(f.uplinkPrograms, 'uplink_ingress')?.runNs,
  )

function decisionHop(f: WalkFacts, where: string, name: string, decision: Decision, costNs?: number): Hop {
  const does = decision.lane === 'fast' ? 'fast lane' : 'plain lane: hands it to the stack'
  return hop(f, 'program', { object: `${name} ${where}`, does, why: decision.why, costNs })
}

function arrives(f: WalkFacts, wire: Wire): Stage {
  const { uplink } = f
  const object = `uplink ${uplink?.name ?? ''}`.trim()
  if (!uplink?.up) return stopped(f, 'uplink', { object, does: 'is down' }, 'unreachable')
  const bytes = wire.packet.bytes + (wire.outer ? tunnelBytes(wire.outer.destination) : 0)
  const does = `receives ${bytes} bytes; its MTU is ${uplink.mtuBytes}`
  const limitBytes = uplink.mtuBytes - (bytes - wire.packet.bytes)
  if (bytes > uplink.mtuBytes)
    return {
      ...stopped(f, 'uplink', { object, does, why: 'larger ones may be lost here, and nobody is told' }),
      limitBytes,
    }
  return { hops: [hop(f, 'uplink', { object, does })], limitBytes }
}

function leavesTunnel(f: WalkFacts, { outer }: Wire, isFast: boolean): Stage {
  if (!outer) return { hops: [] }
  const object = isFast ? 'the program' : 'device podlane-vxlan'
  if (!isFast && !f.tunnelDevice?.up)
    return stopped(f, 'decapsulation', {
      object,
      does: f.tunnelDevice ? 'is down' : 'is not there: this node has no peer behind a tunnel',
    })
  return {
    hops: [
      hop(f, 'decapsulation', { object, does: `takes away VXLAN ${outer.source} → ${outer.destination}` }),
    ],
  }
}
