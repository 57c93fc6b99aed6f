// Nodes and namespaces: the resources without a namespace.

import { ageColumn, nameColumn } from '../age.ts'
import { listAt, objectAt, textAt, textsOf } from '../json.ts'
import type { KubeObject } from '../object.ts'
import { withMeta } from '../object.ts'
import { column, plain, type Resource } from '../resource.ts'

/** The Ready condition says True. */
export const isReady = (node: KubeObject): boolean =>
  listAt(node, 'status', 'conditions').some(
    (c) => textAt(c, 'type') === 'Ready' && textAt(c, 'status') === 'True',
  )

function statusText(node: KubeObject): string {
  const ready = listAt(node, 'status', 'conditions').find((c) => textAt(c, 'type') === 'Ready')
  const words = [ready === undefined ? 'Unknown' : isReady(node) ? 'Ready' : 'NotReady']
  if (textAt(node, 'spec', 'unschedulable') === 'true') words.push('SchedulingDisabled')
  return words.join(',')
}

const ROLE = 'node-role.kubernetes.io/'

function rolesText(node: KubeObject): string {
  const labels = Object.entries(textsOf(node.metadata.labels))
  const roles = labels.flatMap(([key, value]) => {
    if (key.startsWith(ROLE)) return [key.slice(ROLE.length)]
    return key === 'kubernetes.io/role' && value !== '' ? [value] : []
  })
  return roles.sort().join(',') || '<none>'
}

const address = (node: KubeObject, type: string): string =>
  textAt(
    listAt(node, 'status', 'addresses').find((a) => textAt(a, 'type') === type),
    'address',
  ) || '<none>'

const info = (node: KubeObject, key: string, missing = '<unknown>'): string =>
  textAt(node, 'status', 'nodeInfo', key) || missing

const wide = { wide: true }

export const nodes: Resource = {
  ...plain,
  plural: 'nodes',
  singular: 'node',
  kind: 'Node',
  shortNames: ['no'],
  namespaced: false,
  definition: 'api.core.v1.Node',
  hasStatus: true,
  selectable: ['spec.unschedulable'],
  columns: [
    nameColumn,
    column('Status', 'Whether the node takes pods.', statusText),
    column('Roles', 'Roles of the node, from its labels.', rolesText),
    ageColumn,
    column('Version', 'Version of the kubelet.', (o) => info(o, 'kubeletVersion', '')),
    column('Internal-IP', 'First internal address.', (o) => address(o, 'InternalIP'), wide),
    column('External-IP', 'First external address.', (o) => address(o, 'ExternalIP'), wide),
    column('OS-Image', 'Operating system.', (o) => info(o, 'osImage'), wide),
    column('Kernel-Version', 'Kernel.', (o) => info(o, 'kernelVersion'), wide),
    column('Container-Runtime', 'Container runtime.', (o) => info(o, 'containerRuntimeVersion'), wide),
  ],
  prepareCreate: (node) => ({ ...node, spec: objectAt(node, 'spec'), status: objectAt(node, 'status') }),
}

export const NAMESPACE_FINALIZER = 'kubernetes'

export const namespaces: Resource = {
  ...plain,
  plural: 'namespaces',
  singular: 'namespace',
  kind: 'Namespace',
  shortNames: ['ns'],
  namespaced: false,
  definition: 'api.core.v1.Namespace',
  nameRule: 'label',
  hasStatus: true,
  selectable: ['status.phase'],
  columns: [
    nameColumn,
    column('Status', 'Active, or Terminating while its contents go.', (o) => textAt(o, 'status', 'phase')),
    ageColumn,
  ],
  prepareCreate: (namespace) => ({
    ...withMeta(namespace, {
      labels: {
        ...objectAt(namespace, 'metadata', 'labels'),
        'kubernetes.io/metadata.name': namespace.metadata.name,
      },
    }),
    spec: { finalizers: [NAMESPACE_FINALIZER] },
    status: { phase: 'Active' },
  }),
  prepareUpdate: (next, previous) => ({ ...next, spec: objectAt(previous, 'spec') }),
  lingering: (namespace) =>
    listAt(namespace, 'spec', 'finalizers').length === 0
      ? undefined
      : { ...namespace, status: { ...objectAt(namespace, 'status'), phase: 'Terminating' } },
}
