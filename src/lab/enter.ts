// How to run a program in a part of the lab: the words to put before it.

import { fault, ok, type Result } from '../base/result.ts'
import { askNodeStatus } from './node_status.ts'
import { netnsFile } from './paths.ts'
import { isAlive } from './processes.ts'
import { readProcesses, readRecord } from './record.ts'
import { HUB, OUTSIDE } from './underlay.ts'

/** In the node's network, mounts and host name. */
export function enterNode(node: string, argv: readonly string[]): Result<readonly string[]> {
  const process = readProcesses().get(node)
  if (process && isAlive(process))
    return ok(['nsenter', `--target=${process.pid}`, '--net', '--mount', '--uts', '--', ...argv])
  const found = 'no process of the lab there'
  return fault('lab', `node ${node}`, 'a node that runs', found, 'see «podlane lab status»')
}

/** In the hub or the outside: a network, and the host's files. */
export const enterNetwork = (name: string, argv: readonly string[]): readonly string[] => [
  'nsenter',
  `--net=${netnsFile(name)}`,
  '--',
  ...argv,
]

export const nodeNames = (): readonly string[] =>
  Array.from({ length: readRecord()?.options.nodes ?? 0 }, (_, i) => `node${i + 1}`)

/** `where` is a node, a pod as NAME or NAMESPACE/NAME, `hub` or `outside`. */
export async function enter(where: string, argv: readonly string[]): Promise<Result<readonly string[]>> {
  if (where === HUB || where === OUTSIDE) return ok(enterNetwork(where, argv))
  const nodes = nodeNames()
  if (nodes.includes(where)) return enterNode(where, argv)
  const pods: string[] = []
  for (const node of nodes) {
    const status = await askNodeStatus(node)
    if (!status.ok) continue
    for (const pod of status.value.pods) {
      pods.push(pod.name)
      const isIt = [pod.name, `${pod.namespace}/${pod.name}`].includes(where)
      if (isIt)
        return ok(['nsenter', `--target=${status.value.pid}`, '--mount', `--net=${pod.netns}`, '--', ...argv])
    }
  }
  const found = [...nodes, ...pods, HUB, OUTSIDE].join(', ')
  return fault('lab', where, 'a node, a pod, hub or outside', `there are ${found}`, 'correct the name')
}
