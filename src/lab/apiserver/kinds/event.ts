// Events: stored in the core form, shown in the newer form of events.k8s.io too.

import { ageText, nameColumn } from '../age.ts'
import { type JsonObject, numberAt, objectAt, textAt } from '../json.ts'
import { type KubeObject, kubeObject } from '../object.ts'
import { column, plain, type Resource } from '../resource.ts'

const lastSeen = (o: KubeObject): string =>
  textAt(o, 'series', 'lastObservedTime') || textAt(o, 'lastTimestamp') || textAt(o, 'eventTime')

const reference = (o: KubeObject): string =>
  `${textAt(o, 'involvedObject', 'kind').toLowerCase()}/${textAt(o, 'involvedObject', 'name')}`

const source = (o: KubeObject): string =>
  [textAt(o, 'source', 'component') || textAt(o, 'reportingComponent'), textAt(o, 'source', 'host')]
    .filter((t) => t !== '')
    .join(', ')

const wide = { wide: true }

export const events: Resource = {
  ...plain,
  plural: 'events',
  singular: 'event',
  kind: 'Event',
  shortNames: ['ev'],
  definition: 'api.core.v1.Event',
  selectable: [
    ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map(
      (f) => `involvedObject.${f}`,
    ),
    'reason',
    'reportingComponent',
    'source.component',
    'type',
  ],
  columns: [
    column('Last Seen', 'When it happened last.', (o, nowMs) => ageText(lastSeen(o), nowMs)),
    column('Type', 'Normal or Warning.', (o) => textAt(o, 'type')),
    column('Reason', 'What happened, in one word.', (o) => textAt(o, 'reason')),
    column('Object', 'What it happened to.', reference),
    column('Subobject', 'Part of the object.', (o) => textAt(o, 'involvedObject', 'fieldPath'), wide),
    column('Source', 'Who says so.', source, wide),
    column('Message', 'What happened.', (o) => textAt(o, 'message').trim()),
    column(
      'First Seen',
      'When it happened first.',
      (o, nowMs) => ageText(textAt(o, 'firstTimestamp') || textAt(o, 'eventTime'), nowMs),
      wide,
    ),
    column(
      'Count',
      'How often it happened.',
      (o) => numberAt(o, 'count') ?? numberAt(o, 'series', 'count') ?? 1,
      {
        wide: true,
        type: 'integer',
      },
    ),
    { ...nameColumn, wide: true },
  ],
  validate: (event) => {
    const namespace = textAt(event, 'involvedObject', 'namespace') || 'default'
    if (namespace === event.metadata.namespace) return []
    return [
      {
        reason: 'FieldValueInvalid',
        field: 'involvedObject.namespace',
        message: `Invalid value: ${JSON.stringify(namespace)}: does not match event.namespace`,
      },
    ]
  },
}

/** Field names: core on the left, events.k8s.io on the right. */
const RENAMED: readonly (readonly [string, string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['reportingComponent', 'reportingController'],
  ['count', 'deprecatedCount'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['source', 'deprecatedSource'],
]

function renamed(
  event: KubeObject,
  apiVersion: string,
  names: readonly (readonly [string, string])[],
): KubeObject {
  const table = new Map(names)
  const entries = Object.entries(event).map(([key, value]) => [table.get(key) ?? key, value] as const)
  return kubeObject({ ...(Object.fromEntries(entries) satisfies JsonObject), apiVersion })
}

export const newEvents: Resource = {
  ...events,
  group: 'events.k8s.io',
  definition: 'api.events.v1.Event',
  selectable: [],
  view: {
    of: events,
    outward: (event) => renamed(event, 'events.k8s.io/v1', RENAMED),
    inward: (event) =>
      renamed(
        event,
        'v1',
        RENAMED.map(([core, shown]) => [shown, core]),
      ),
  },
}

/** An event about an object, in the core form; `name` must be new. */
export function eventAbout(
  object: KubeObject,
  facts: {
    readonly name: string
    readonly type: 'Normal' | 'Warning'
    readonly reason: string
    readonly message: string
  },
  component: string,
  time: string,
): KubeObject {
  const namespace = object.metadata.namespace ?? 'default'
  return kubeObject({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: facts.name, namespace },
    involvedObject: {
      apiVersion: object.apiVersion,
      kind: object.kind,
      name: object.metadata.name,
      ...(object.metadata.namespace ? { namespace } : {}),
      uid: textAt(objectAt(object, 'metadata'), 'uid'),
      resourceVersion: textAt(objectAt(object, 'metadata'), 'resourceVersion'),
    },
    reason: facts.reason,
    message: facts.message,
    type: facts.type,
    count: 1,
    firstTimestamp: time,
    lastTimestamp: time,
    source: { component },
    reportingComponent: component,
    reportingInstance: '',
  })
}
