// The status of a Pod as the lab's kubelet reports it. Pure: what is known of the pod in, the API's object out.

import type { PodSpec } from './pod_spec.ts'

export type ContainerState =
  | { readonly is: 'waiting'; readonly reason: string; readonly message: string }
  | { readonly is: 'running'; readonly startedAt: string; readonly ready: boolean; readonly pid: number }
  | { readonly is: 'ended'; readonly exitCode: number; readonly startedAt: string; readonly endedAt: string }

export type PodFacts = {
  readonly hostAddresses: readonly string[]
  readonly podAddresses: readonly string[]
  readonly startedAt: string
  readonly containers: readonly {
    readonly name: string
    readonly state: ContainerState
    readonly restarts: number
  }[]
}

type Fields = Readonly<Record<string, unknown>>

export function podStatus(pod: PodSpec, facts: PodFacts, nowText: string): Fields {
  const phase = phaseOf(pod, facts)
  const isReady =
    phase === 'Running' && facts.containers.every(({ state }) => state.is === 'running' && state.ready)
  const hasNetwork = facts.podAddresses.length > 0
  const ips = (texts: readonly string[]): readonly Fields[] => texts.map((ip) => ({ ip }))
  return {
    phase,
    startTime: facts.startedAt,
    hostIP: facts.hostAddresses[0],
    hostIPs: ips(facts.hostAddresses),
    ...(hasNetwork ? { podIP: facts.podAddresses[0], podIPs: ips(facts.podAddresses) } : {}),
    conditions: conditions(pod, nowText, {
      PodReadyToStartContainers: hasNetwork,
      Initialized: true,
      Ready: isReady,
      ContainersReady: isReady,
    }),
    containerStatuses: facts.containers.map((c) => containerStatus(pod, c)),
  }
}

function phaseOf(pod: PodSpec, { containers }: PodFacts): string {
  const states = containers.map((c) => c.state)
  const over = pod.spec.restartPolicy !== 'Always' && states.every((s) => s.is === 'ended')
  if (over && states.every((s) => s.is === 'ended' && s.exitCode === 0)) return 'Succeeded'
  if (over && pod.spec.restartPolicy === 'Never') return 'Failed'
  return states.every((s) => s.is === 'waiting') ? 'Pending' : 'Running'
}

/** A condition keeps the time of its last change; those that others write (PodScheduled) stay. */
function conditions(
  pod: PodSpec,
  nowText: string,
  own: Readonly<Record<string, boolean>>,
): readonly unknown[] {
  const before = pod.status.conditions
  const others = before.filter((c) => !(c.type in own))
  const ours = Object.entries(own).map(([type, holds]) => {
    const status = holds ? 'True' : 'False'
    const same = before.find((c) => c.type === type && c.status === status)
    return { type, status, lastProbeTime: null, lastTransitionTime: same?.lastTransitionTime ?? nowText }
  })
  return [...others, ...ours]
}

function containerStatus(pod: PodSpec, { name, state, restarts }: PodFacts['containers'][number]): Fields {
  const image = pod.spec.containers.find((c) => c.name === name)?.image ?? ''
  return {
    name,
    image,
    imageID: '',
    restartCount: restarts,
    ready: state.is === 'running' && state.ready,
    started: state.is === 'running',
    state: stateOf(state),
    ...(state.is === 'running' ? { containerID: `lab://${state.pid}` } : {}),
  }
}

function stateOf(state: ContainerState): Fields {
  switch (state.is) {
    case 'waiting':
      return { waiting: { reason: state.reason, message: state.message } }
    case 'running':
      return { running: { startedAt: state.startedAt } }
    case 'ended':
      return {
        terminated: {
          exitCode: state.exitCode,
          reason: state.exitCode === 0 ? 'Completed' : 'Error',
          startedAt: state.startedAt,
          finishedAt: state.endedAt,
        },
      }
  }
}
