// Pods: what is filled in, what is refused, which fields stay as they are once a pod exists.

import type { FieldCause } from '../failures.ts'
import {
  equalJson,
  isObject,
  type Json,
  type JsonObject,
  listAt,
  numberAt,
  objectAt,
  textAt,
} from '../json.ts'
import type { KubeObject } from '../object.ts'
import { timestamp } from '../object.ts'
import { defaulted, plain, type Resource } from '../resource.ts'
import { isDnsLabel } from '../validation.ts'
import { podColumns } from './pod_columns.ts'

function defaultContainer(container: Json): Json {
  if (!isObject(container)) return container
  const image = textAt(container, 'image')
  const tag = image.slice(image.lastIndexOf('/') + 1)
  const moving = (!tag.includes(':') && !tag.includes('@')) || tag.endsWith(':latest')
  const full = defaulted(container, {
    imagePullPolicy: moving ? 'Always' : 'IfNotPresent',
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
  })
  if (full.ports === undefined) return full
  return {
    ...full,
    ports: listAt(full, 'ports').map((p) => (isObject(p) ? defaulted(p, { protocol: 'TCP' }) : p)),
  }
}

const tolerated = (key: string): JsonObject => ({
  key: `node.kubernetes.io/${key}`,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
})

function defaultSpec(spec: JsonObject): JsonObject {
  const tolerations = listAt(spec, 'tolerations')
  const missing = ['not-ready', 'unreachable']
    .map(tolerated)
    .filter((t) => !tolerations.some((own) => textAt(own, 'key') === t.key))
  return {
    ...defaulted(spec, {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      serviceAccountName: 'default',
      schedulerName: 'default-scheduler',
      securityContext: {},
      enableServiceLinks: true,
      priority: 0,
      preemptionPolicy: 'PreemptLowerPriority',
    }),
    tolerations: [...tolerations, ...missing],
    containers: listAt(spec, 'containers').map(defaultContainer),
    ...(spec.initContainers ? { initContainers: listAt(spec, 'initContainers').map(defaultContainer) } : {}),
  }
}

/** The scheduler gives spec.nodeName; a pod that comes with one counts as scheduled. */
function prepareCreate(pod: KubeObject, around: { readonly nowMs: number }): KubeObject {
  const spec = defaultSpec(objectAt(pod, 'spec'))
  const scheduled = textAt(spec, 'nodeName') !== ''
  const condition = {
    type: 'PodScheduled',
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: timestamp(around.nowMs),
  }
  return {
    ...pod,
    spec,
    status: { phase: 'Pending', qosClass: qosClass(spec), ...(scheduled ? { conditions: [condition] } : {}) },
  }
}

/** Guaranteed: cpu and memory limited everywhere and requests equal to limits; BestEffort: nothing said at all. */
export function qosClass(spec: JsonObject): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const all = [...listAt(spec, 'containers'), ...listAt(spec, 'initContainers')].map((c) =>
    objectAt(c, 'resources'),
  )
  const said = all.some(
    (r) => Object.keys({ ...objectAt(r, 'limits'), ...objectAt(r, 'requests') }).length > 0,
  )
  if (!said) return 'BestEffort'
  const firm = all.every((r) =>
    ['cpu', 'memory'].every((what) => {
      const limit = textAt(r, 'limits', what)
      return limit !== '' && (textAt(r, 'requests', what) || limit) === limit
    }),
  )
  return firm ? 'Guaranteed' : 'Burstable'
}

function validate(pod: KubeObject): readonly FieldCause[] {
  const causes: FieldCause[] = []
  const containers = listAt(pod, 'spec', 'containers')
  if (containers.length === 0) causes.push(required('spec.containers'))
  const names = new Set<string>()
  const check = (list: readonly Json[], path: string): void => {
    for (const [i, container] of list.entries())
      causes.push(...containerCauses(container, `${path}[${i}]`, names))
  }
  check(listAt(pod, 'spec', 'initContainers'), 'spec.initContainers')
  check(containers, 'spec.containers')
  const policy = textAt(pod, 'spec', 'restartPolicy')
  if (!['Always', 'OnFailure', 'Never'].includes(policy)) {
    causes.push({
      reason: 'FieldValueInvalid',
      field: 'spec.restartPolicy',
      message: `Unsupported value: ${JSON.stringify(policy)}: supported values: "Always", "Never", "OnFailure"`,
    })
  }
  return causes
}

const required = (field: string, why = ''): FieldCause => ({
  reason: 'FieldValueRequired',
  field,
  message: `Required value${why ? `: ${why}` : ''}`,
})

function containerCauses(container: Json, path: string, names: Set<string>): readonly FieldCause[] {
  const causes: FieldCause[] = []
  const name = textAt(container, 'name')
  const field = `${path}.name`
  if (name === '') causes.push(required(field))
  else if (!isDnsLabel(name)) {
    const message = `Invalid value: ${JSON.stringify(name)}: a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character`
    causes.push({ reason: 'FieldValueInvalid', field, message })
  } else if (names.has(name)) {
    causes.push({ reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${JSON.stringify(name)}` })
  }
  names.add(name)
  if (textAt(container, 'image') === '') causes.push(required(`${path}.image`))
  for (const [i, port] of listAt(container, 'ports').entries()) {
    const number = numberAt(port, 'containerPort') ?? 0
    if (number >= 1 && number <= 65_535) continue
    const message = `Invalid value: ${number}: must be between 1 and 65535, inclusive`
    causes.push({ reason: 'FieldValueInvalid', field: `${path}.ports[${i}].containerPort`, message })
  }
  return causes
}

/** spec without what may change in a living pod. */
function fixedSpec(pod: KubeObject, previous: KubeObject): JsonObject {
  const spec = objectAt(pod, 'spec')
  const images = (list: string): readonly Json[] =>
    listAt(spec, list).map((c) => (isObject(c) ? { ...c, image: '' } : c))
  const { activeDeadlineSeconds: _a, tolerations: _t, terminationGracePeriodSeconds: _g, ...fixed } = spec
  // Binding writes nodeName once.
  const bound = textAt(previous, 'spec', 'nodeName') === '' ? { nodeName: '' } : {}
  return { ...fixed, containers: images('containers'), initContainers: images('initContainers'), ...bound }
}

function validateUpdate(next: KubeObject, previous: KubeObject): readonly FieldCause[] {
  if (equalJson(fixedSpec(next, previous), fixedSpec(previous, previous))) return []
  return [
    {
      reason: 'FieldValueForbidden',
      field: 'spec',
      message:
        'Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
    },
  ]
}

/** A pod that runs nowhere, or no more, needs no time to end. */
function graceSeconds(pod: KubeObject): number {
  const over = ['Succeeded', 'Failed'].includes(textAt(pod, 'status', 'phase'))
  if (over || textAt(pod, 'spec', 'nodeName') === '') return 0
  return numberAt(pod, 'spec', 'terminationGracePeriodSeconds') ?? 30
}

export const pods: Resource = {
  ...plain,
  plural: 'pods',
  singular: 'pod',
  kind: 'Pod',
  shortNames: ['po'],
  categories: ['all'],
  definition: 'api.core.v1.Pod',
  hasStatus: true,
  selectable: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.nominatedNodeName',
  ],
  columns: podColumns,
  prepareCreate,
  // What a manifest leaves out is defaulted again, as the real server does on every write.
  prepareUpdate: (next) => ({ ...next, spec: defaultSpec(objectAt(next, 'spec')) }),
  validate,
  validateUpdate,
  graceSeconds,
}
