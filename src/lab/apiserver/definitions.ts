// The shapes of the objects that the lab serves, by the names that Kubernetes gives them in OpenAPI (without the
// `io.k8s.` prefix). Fields follow the Kubernetes API reference, v1.32; deep corners are `any`.

import { networkDefinitions } from './definitions_network.ts'
import { podDefinitions } from './definitions_pod.ts'
import {
  any,
  boolean,
  bytes,
  type Definitions,
  define,
  integer,
  keyed,
  listOf,
  mapOf,
  ref,
  setOf,
  string,
  time,
} from './shape.ts'

const META = 'apimachinery.pkg.apis.meta.v1'
const meta = ref(`${META}.ObjectMeta`)
const condition = ref(`${META}.Condition`)
const core = (name: string): string => `api.core.v1.${name}`
const objectReference = ref(core('ObjectReference'))
const strings = mapOf(string)

const top = { apiVersion: string, kind: string, metadata: meta }

const metaDefinitions: Definitions = {
  [`${META}.ObjectMeta`]: define('ObjectMeta is metadata that every object has.', {
    annotations: strings,
    creationTimestamp: time,
    deletionGracePeriodSeconds: integer,
    deletionTimestamp: time,
    finalizers: setOf(string),
    generateName: string,
    generation: integer,
    labels: strings,
    managedFields: listOf(any),
    name: string,
    namespace: string,
    ownerReferences: keyed(ref(`${META}.OwnerReference`), 'uid'),
    resourceVersion: string,
    selfLink: string,
    uid: string,
  }),
  [`${META}.OwnerReference`]: define(
    'OwnerReference names an object that owns this one.',
    {
      apiVersion: string,
      blockOwnerDeletion: boolean,
      controller: boolean,
      kind: string,
      name: string,
      uid: string,
    },
    'apiVersion',
    'kind',
    'name',
    'uid',
  ),
  [`${META}.LabelSelector`]: define('LabelSelector chooses objects by their labels.', {
    matchExpressions: listOf(ref(`${META}.LabelSelectorRequirement`)),
    matchLabels: strings,
  }),
  [`${META}.LabelSelectorRequirement`]: define(
    'LabelSelectorRequirement is one condition on a label.',
    { key: string, operator: string, values: listOf(string) },
    'key',
    'operator',
  ),
  [`${META}.Condition`]: define('Condition is one aspect of the state of an object.', {
    lastTransitionTime: time,
    message: string,
    observedGeneration: integer,
    reason: string,
    status: string,
    type: string,
  }),
}

const nodeDefinitions: Definitions = {
  [core('Node')]: define('Node is a machine of the cluster.', {
    ...top,
    spec: ref(core('NodeSpec')),
    status: ref(core('NodeStatus')),
  }),
  [core('NodeSpec')]: define('NodeSpec describes a machine.', {
    configSource: any,
    externalID: string,
    podCIDR: string,
    podCIDRs: setOf(string),
    providerID: string,
    taints: listOf(ref(core('Taint'))),
    unschedulable: boolean,
  }),
  [core('Taint')]: define(
    'Taint keeps pods off a machine that do not tolerate it.',
    { effect: string, key: string, timeAdded: time, value: string },
    'key',
    'effect',
  ),
  [core('NodeStatus')]: define('NodeStatus is what the kubelet reports.', {
    addresses: keyed(ref(core('NodeAddress')), 'type'),
    allocatable: mapOf({ is: 'quantity' }),
    capacity: mapOf({ is: 'quantity' }),
    conditions: keyed(ref(core('NodeCondition')), 'type'),
    config: any,
    daemonEndpoints: any,
    features: any,
    images: listOf(any),
    nodeInfo: any,
    phase: string,
    runtimeHandlers: listOf(any),
    volumesAttached: listOf(any),
    volumesInUse: listOf(string),
  }),
  [core('NodeAddress')]: define('NodeAddress is an address of the machine.', {
    address: string,
    type: string,
  }),
  [core('NodeCondition')]: define('NodeCondition is one aspect of the state of a machine.', {
    lastHeartbeatTime: time,
    lastTransitionTime: time,
    message: string,
    reason: string,
    status: string,
    type: string,
  }),
}

const plainDefinitions: Definitions = {
  [core('Namespace')]: define('Namespace is a scope for names.', {
    ...top,
    spec: ref(core('NamespaceSpec')),
    status: ref(core('NamespaceStatus')),
  }),
  [core('NamespaceSpec')]: define('NamespaceSpec describes a namespace.', { finalizers: listOf(string) }),
  [core('NamespaceStatus')]: define('NamespaceStatus is the state of a namespace.', {
    conditions: keyed(condition, 'type'),
    phase: string,
  }),
  [core('ObjectReference')]: define('ObjectReference points to another object.', {
    apiVersion: string,
    fieldPath: string,
    kind: string,
    name: string,
    namespace: string,
    resourceVersion: string,
    uid: string,
  }),
  [core('Event')]: define('Event tells what happened to an object.', {
    ...top,
    action: string,
    count: integer,
    eventTime: time,
    firstTimestamp: time,
    involvedObject: objectReference,
    lastTimestamp: time,
    message: string,
    reason: string,
    related: objectReference,
    reportingComponent: string,
    reportingInstance: string,
    series: any,
    source: any,
    type: string,
  }),
  'api.events.v1.Event': define('Event tells what happened to an object.', {
    ...top,
    action: string,
    deprecatedCount: integer,
    deprecatedFirstTimestamp: time,
    deprecatedLastTimestamp: time,
    deprecatedSource: any,
    eventTime: time,
    note: string,
    reason: string,
    regarding: objectReference,
    related: objectReference,
    reportingController: string,
    reportingInstance: string,
    series: any,
    type: string,
  }),
  [core('ConfigMap')]: define('ConfigMap holds configuration.', {
    ...top,
    binaryData: mapOf(bytes),
    data: strings,
    immutable: boolean,
  }),
  [core('Secret')]: define('Secret holds data that is not for everyone.', {
    ...top,
    data: mapOf(bytes),
    immutable: boolean,
    stringData: strings,
    type: string,
  }),
  [core('ServiceAccount')]: define('ServiceAccount is an identity for pods.', {
    ...top,
    automountServiceAccountToken: boolean,
    imagePullSecrets: listOf(any),
    secrets: keyed(objectReference, 'name'),
  }),
}

/** Every definition by its name. */
export const definitions: Definitions = {
  ...metaDefinitions,
  ...plainDefinitions,
  ...nodeDefinitions,
  ...podDefinitions,
  ...networkDefinitions,
}
