// The shapes of Services, of the addresses behind them and of NetworkPolicies, by their OpenAPI names.

import {
  any,
  boolean,
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
} from './shape.ts'

const META = 'apimachinery.pkg.apis.meta.v1'
const condition = ref(`${META}.Condition`)
const selector = ref(`${META}.LabelSelector`)
const core = (name: string): string => `api.core.v1.${name}`
const objectReference = ref(core('ObjectReference'))
const strings = mapOf(string)
const top = { apiVersion: string, kind: string, metadata: ref(`${META}.ObjectMeta`) }

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

export const networkDefinitions: Definitions = { ...serviceDefinitions, ...policyDefinitions }
