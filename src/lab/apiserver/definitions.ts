// The shapes of the objects that the lab serves, by the names that Kubernetes gives them in OpenAPI (without the
// `io.k8s.` prefix). Fields follow the Kubernetes API reference, v1.32; deep corners are `any`.

import { podDefinitions } from './definitions_pod.ts'
import {
  any,
  boolean,
  bytes,
  type Definitions,
  define,
  integer,
  intOrString,
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
const selector = ref(`${META}.LabelSelector`)
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

const serviceDefinitions: Definitions = {
  [core('Service')]: define('Service is a name and an address for a set of pods.', {
    ...top,
    spec: ref(core('ServiceSpec')),
    status: ref(core('ServiceStatus')),
  }),
  [core('ServiceSpec')]: define('ServiceSpec describes a service.', {
    allocateLoadBalancerNodePorts: boolean,
    clusterIP: string,
    clusterIPs: listOf(string),
    externalIPs: listOf(string),
    externalName: string,
    externalTrafficPolicy: string,
    healthCheckNodePort: integer,
    internalTrafficPolicy: string,
    ipFamilies: listOf(string),
    ipFamilyPolicy: string,
    loadBalancerClass: string,
    loadBalancerIP: string,
    loadBalancerSourceRanges: listOf(string),
    ports: keyed(ref(core('ServicePort')), 'port', 'protocol'),
    publishNotReadyAddresses: boolean,
    selector: strings,
    sessionAffinity: string,
    sessionAffinityConfig: any,
    trafficDistribution: string,
    type: string,
  }),
  [core('ServicePort')]: define(
    'ServicePort is one port of a service.',
    {
      appProtocol: string,
      name: string,
      nodePort: integer,
      port: integer,
      protocol: string,
      targetPort: intOrString,
    },
    'port',
  ),
  [core('ServiceStatus')]: define('ServiceStatus is the state of a service.', {
    conditions: keyed(condition, 'type'),
    loadBalancer: any,
  }),
  [core('Endpoints')]: define('Endpoints lists the addresses behind a service.', {
    ...top,
    subsets: listOf(any),
  }),
  'api.discovery.v1.EndpointSlice': define('EndpointSlice lists some of the addresses behind a service.', {
    ...top,
    addressType: string,
    endpoints: listOf(ref('api.discovery.v1.Endpoint')),
    ports: listOf(ref('api.discovery.v1.EndpointPort')),
  }),
  'api.discovery.v1.Endpoint': define('Endpoint is one backend of a service.', {
    addresses: setOf(string),
    conditions: any,
    deprecatedTopology: strings,
    hints: any,
    hostname: string,
    nodeName: string,
    targetRef: objectReference,
    topology: strings,
    zone: string,
  }),
  'api.discovery.v1.EndpointPort': define('EndpointPort is one port of the backends.', {
    appProtocol: string,
    name: string,
    port: integer,
    protocol: string,
  }),
}

const peers = listOf(ref('api.networking.v1.NetworkPolicyPeer'))
const policyPorts = listOf(ref('api.networking.v1.NetworkPolicyPort'))

const policyDefinitions: Definitions = {
  'api.networking.v1.NetworkPolicy': define('NetworkPolicy says what traffic pods may have.', {
    ...top,
    spec: ref('api.networking.v1.NetworkPolicySpec'),
  }),
  'api.networking.v1.NetworkPolicySpec': define('NetworkPolicySpec describes a policy.', {
    egress: listOf(ref('api.networking.v1.NetworkPolicyEgressRule')),
    ingress: listOf(ref('api.networking.v1.NetworkPolicyIngressRule')),
    podSelector: selector,
    policyTypes: listOf(string),
  }),
  'api.networking.v1.NetworkPolicyIngressRule': define('What may come in.', {
    from: peers,
    ports: policyPorts,
  }),
  'api.networking.v1.NetworkPolicyEgressRule': define('What may go out.', { ports: policyPorts, to: peers }),
  'api.networking.v1.NetworkPolicyPeer': define('NetworkPolicyPeer is the other side of the traffic.', {
    ipBlock: ref('api.networking.v1.IPBlock'),
    namespaceSelector: selector,
    podSelector: selector,
  }),
  'api.networking.v1.NetworkPolicyPort': define('NetworkPolicyPort is a port or a range of ports.', {
    endPort: integer,
    port: intOrString,
    protocol: string,
  }),
  'api.networking.v1.IPBlock': define(
    'IPBlock is a range of addresses, without some.',
    { cidr: string, except: listOf(string) },
    'cidr',
  ),
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
  ...serviceDefinitions,
  ...policyDefinitions,
}
