// The Pods that `lab up` creates through the API, like anybody else's: one server each, and a second container in the
// first pod of each node.

export const podNames = (nodes: readonly string[], perNode: number): readonly string[] =>
  nodes.flatMap((node) => Array.from({ length: perNode }, (_, i) => `${node}-pod${i + 1}`))

export function podObjects(nodes: readonly string[], perNode: number): readonly object[] {
  return nodes.flatMap((node) =>
    Array.from({ length: perNode }, (_, i) => podObject(node, `${node}-pod${i + 1}`, i === 0)),
  )
}

function podObject(node: string, name: string, hasSecond: boolean): object {
  const container = (of: string): object => ({ name: of, image: 'podlane.lab/server' })
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: { app: 'lab' } },
    spec: {
      // By the scheduler, once the node is ready.
      nodeSelector: { 'kubernetes.io/hostname': node },
      containers: [container('server'), ...(hasSecond ? [container('second')] : [])],
    },
  }
}
