// What `kubectl get pods` shows of a pod.

import { ageColumn, ageText, nameColumn } from '../age.ts'
import { type Json, listAt, numberAt, objectAt, textAt } from '../json.ts'
import type { KubeObject } from '../object.ts'
import { type Column, column } from '../resource.ts'

const orNone = (text: string): string => text || '<none>'

const conditionIsTrue = (pod: KubeObject, type: string): boolean =>
  listAt(pod, 'status', 'conditions').some(
    (c) => textAt(c, 'type') === type && textAt(c, 'status') === 'True',
  )

function readyText(pod: KubeObject): string {
  const ready = listAt(pod, 'status', 'containerStatuses').filter((c) => textAt(c, 'ready') === 'true')
  return `${ready.length}/${listAt(pod, 'spec', 'containers').length}`
}

/** Why a container is not running, or '' while it is. */
function trouble(status: Json): string {
  const waiting = textAt(status, 'state', 'waiting', 'reason')
  if (waiting) return waiting
  const ended = objectAt(status, 'state', 'terminated')
  if (Object.keys(ended).length === 0) return ''
  const signal = numberAt(ended, 'signal')
  return textAt(ended, 'reason') || (signal ? `Signal:${signal}` : `ExitCode:${textAt(ended, 'exitCode')}`)
}

function statusText(pod: KubeObject): string {
  const reason = textAt(pod, 'status', 'reason')
  if (pod.metadata.deletionTimestamp) return reason === 'NodeLost' ? 'Unknown' : 'Terminating'
  const initial = initText(pod)
  if (initial) return initial
  const statuses = listAt(pod, 'status', 'containerStatuses')
  const found = statuses.map(trouble).find((t) => t !== '')
  if (found === 'Completed' && statuses.some((s) => textAt(s, 'ready') === 'true')) {
    return conditionIsTrue(pod, 'Ready') ? 'Running' : 'NotReady'
  }
  return found ?? (reason || orNone(textAt(pod, 'status', 'phase')))
}

/** Progress of init containers while they have the word, else ''. */
function initText(pod: KubeObject): string {
  const statuses = listAt(pod, 'status', 'initContainerStatuses')
  const done = statuses.filter((s) => numberAt(s, 'state', 'terminated', 'exitCode') === 0).length
  const current = statuses.find((s) => numberAt(s, 'state', 'terminated', 'exitCode') !== 0)
  if (!current || conditionIsTrue(pod, 'Initialized')) return ''
  const why = trouble(current)
  return why && why !== 'PodInitializing'
    ? `Init:${why}`
    : `Init:${done}/${listAt(pod, 'spec', 'initContainers').length}`
}

function restartsText(pod: KubeObject, nowMs: number): string {
  const statuses = listAt(pod, 'status', 'containerStatuses')
  const count = statuses.reduce<number>((sum, s) => sum + (numberAt(s, 'restartCount') ?? 0), 0)
  const last = statuses
    .map((s) => textAt(s, 'lastState', 'terminated', 'finishedAt'))
    .sort()
    .at(-1)
  return count > 0 && last ? `${count} (${ageText(last, nowMs)} ago)` : String(count)
}

function gatesText(pod: KubeObject): string {
  const gates = listAt(pod, 'spec', 'readinessGates')
  const met = gates.filter((g) => conditionIsTrue(pod, textAt(g, 'conditionType')))
  return gates.length === 0 ? '<none>' : `${met.length}/${gates.length}`
}

const wide = { wide: true }

export const podColumns: readonly Column[] = [
  nameColumn,
  column('Ready', 'Containers that are ready, of all.', readyText),
  column('Status', 'What the pod is doing.', statusText),
  column('Restarts', 'How often containers were started again, and when last.', restartsText),
  ageColumn,
  column('IP', 'First address of the pod.', (o) => orNone(textAt(o, 'status', 'podIP')), wide),
  column('Node', 'Node that the pod is bound to.', (o) => orNone(textAt(o, 'spec', 'nodeName')), wide),
  column(
    'Nominated Node',
    'Node kept free for it.',
    (o) => orNone(textAt(o, 'status', 'nominatedNodeName')),
    wide,
  ),
  column('Readiness Gates', 'Extra conditions that are met, of all.', gatesText, wide),
]
