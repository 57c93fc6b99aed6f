// Services and the lists of addresses behind them. The lab stores endpoints, it does not compute them.

import { ageColumn, nameColumn } from '../age.ts'
import type { FieldCause } from '../failures.ts'
import { isObject, type Json, type JsonObject, listAt, objectAt, textAt, textsOf } from '../json.ts'
import type { KubeObject } from '../object.ts'
import { kubeObject } from '../object.ts'
import { column, defaulted, plain, type Resource, type Surroundings } from '../resource.ts'

function defaultPort(port: Json): Json {
  if (!isObject(port)) return port
  return defaulted(port, { protocol: 'TCP', ...(port.port === undefined ? {} : { targetPort: port.port }) })
}

function defaultSpec(spec: JsonObject): JsonObject {
  const full = defaulted(spec, { type: 'ClusterIP', sessionAffinity: 'None' })
  const ports = spec.ports === undefined ? {} : { ports: listAt(spec, 'ports').map(defaultPort) }
  return { ...full, ...ports, ...(full.type === 'ExternalName' ? {} : { internalTrafficPolicy: 'Cluster' }) }
}

/** An address of each cluster family; the first alone unless the service asks for two. */
function giveAddresses(spec: JsonObject, around: Surroundings): JsonObject {
  const own = textAt(spec, 'clusterIP') || textAt({ first: listAt(spec, 'clusterIPs')[0] }, 'first')
  if (textAt(spec, 'type') === 'ExternalName') return spec
  if (own !== '') {
    const all = listAt(spec, 'clusterIPs')
    return { ...spec, clusterIP: own, clusterIPs: all.length > 0 ? all : [own] }
  }
  const policy = textAt(spec, 'ipFamilyPolicy') || 'SingleStack'
  const free = around.serviceAddresses().slice(0, policy === 'SingleStack' ? 1 : 2)
  if (free.length === 0) return spec
  return {
    ...spec,
    clusterIP: free[0],
    clusterIPs: free,
    ipFamilies: free.map((ip) => (ip.includes(':') ? 'IPv6' : 'IPv4')),
    ipFamilyPolicy: policy,
  }
}

function validate(service: KubeObject): readonly FieldCause[] {
  const type = textAt(service, 'spec', 'type')
  const headless = textAt(service, 'spec', 'clusterIP') === 'None'
  if (listAt(service, 'spec', 'ports').length > 0 || headless || type === 'ExternalName') return []
  return [{ reason: 'FieldValueRequired', field: 'spec.ports', message: 'Required value' }]
}

function portsText(ports: readonly Json[]): string {
  const texts = ports.map((p) => {
    const nodePort = textAt(p, 'nodePort')
    return `${textAt(p, 'port')}${nodePort ? `:${nodePort}` : ''}/${textAt(p, 'protocol') || 'TCP'}`
  })
  return texts.join(',') || '<none>'
}

function externalText(service: KubeObject): string {
  const type = textAt(service, 'spec', 'type')
  const own = listAt(service, 'spec', 'externalIPs').map((ip) => textAt({ ip }, 'ip'))
  if (type === 'ExternalName') return textAt(service, 'spec', 'externalName') || '<none>'
  const given = listAt(service, 'status', 'loadBalancer', 'ingress').map(
    (i) => textAt(i, 'ip') || textAt(i, 'hostname'),
  )
  const all = [...(type === 'LoadBalancer' ? given : []), ...own]
  return all.join(',') || (type === 'LoadBalancer' ? '<pending>' : '<none>')
}

export const labelsText = (labels: Json | undefined): string =>
  Object.entries(textsOf(labels))
    .map(([k, v]) => `${k}=${v}`)
    .sort()
    .join(',') || '<none>'

export const services: Resource = {
  ...plain,
  plural: 'services',
  singular: 'service',
  kind: 'Service',
  shortNames: ['svc'],
  categories: ['all'],
  definition: 'api.core.v1.Service',
  nameRule: 'service',
  hasStatus: true,
  selectable: ['spec.clusterIP', 'spec.type'],
  columns: [
    nameColumn,
    column('Type', 'How the service is reached.', (o) => textAt(o, 'spec', 'type')),
    column('Cluster-IP', 'Address in the cluster.', (o) => textAt(o, 'spec', 'clusterIP') || '<none>'),
    column('External-IP', 'Addresses from outside.', externalText),
    column('Port(s)', 'Ports, node ports, protocols.', (o) => portsText(listAt(o, 'spec', 'ports'))),
    ageColumn,
    column('Selector', 'Labels of its pods.', (o) => labelsText(objectAt(o, 'spec', 'selector')), {
      wide: true,
    }),
  ],
  prepareCreate: (service, around) => ({
    ...service,
    spec: giveAddresses(defaultSpec(objectAt(service, 'spec')), around),
    status: { loadBalancer: {} },
  }),
  prepareUpdate: (next, previous) => {
    const kept = objectAt(previous, 'spec')
    const addresses = Object.fromEntries(
      ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'].flatMap((k) =>
        kept[k] ? [[k, kept[k]]] : [],
      ),
    )
    return { ...next, spec: defaulted(defaultSpec(objectAt(next, 'spec')), addresses) }
  },
  validate,
}

const addressesOf = (list: readonly Json[], key: string): readonly string[] =>
  list.flatMap((e) => listAt(e, key).map((a) => (typeof a === 'string' ? a : textAt(a, 'ip'))))

const short = (texts: readonly string[], most = 3): string =>
  texts.length === 0
    ? '<none>'
    : `${texts.slice(0, most).join(',')}${texts.length > most ? ` + ${texts.length - most} more...` : ''}`

export const endpoints: Resource = {
  ...plain,
  plural: 'endpoints',
  singular: 'endpoints',
  kind: 'Endpoints',
  shortNames: ['ep'],
  definition: 'api.core.v1.Endpoints',
  columns: [
    nameColumn,
    column('Endpoints', 'Addresses and ports.', (o) => {
      const texts = listAt(o, 'subsets').flatMap((s) =>
        addressesOf([s], 'addresses').flatMap((ip) =>
          listAt(s, 'ports').map((p) => `${ip}:${textAt(p, 'port')}`),
        ),
      )
      return short(texts)
    }),
    ageColumn,
  ],
}

const unset = (text: string): string => text || '<unset>'

export const endpointSlices: Resource = {
  ...plain,
  group: 'discovery.k8s.io',
  plural: 'endpointslices',
  singular: 'endpointslice',
  kind: 'EndpointSlice',
  definition: 'api.discovery.v1.EndpointSlice',
  generations: true,
  columns: [
    nameColumn,
    column('AddressType', 'Kind of address.', (o) => textAt(o, 'addressType')),
    column('Ports', 'Ports of the backends.', (o) => {
      const ports = listAt(o, 'ports')
      return ports.length === 0 ? unset('') : short(ports.map((p) => textAt(p, 'port') || '*'))
    }),
    column('Endpoints', 'Addresses of the backends.', (o) => {
      const all = addressesOf(listAt(o, 'endpoints'), 'addresses')
      return all.length === 0 ? unset('') : short(all)
    }),
    ageColumn,
  ],
  validate: (slice) => {
    const type = textAt(slice, 'addressType')
    if (['IPv4', 'IPv6', 'FQDN'].includes(type)) return []
    return [
      {
        reason: type === '' ? 'FieldValueRequired' : 'FieldValueInvalid',
        field: 'addressType',
        message: type === '' ? 'Required value' : `Unsupported value: ${JSON.stringify(type)}`,
      },
    ]
  },
}

/** The beta version, which kubectl before 1.21 asks for when it describes a slice. */
export const endpointSlicesBeta: Resource = {
  ...endpointSlices,
  version: 'v1beta1',
  view: {
    of: endpointSlices,
    outward: (slice) => beta(slice, 'discovery.k8s.io/v1beta1', toTopology),
    inward: (slice) => beta(slice, 'discovery.k8s.io/v1', fromTopology),
  },
}

const beta = (
  slice: KubeObject,
  apiVersion: string,
  change: (endpoint: JsonObject) => JsonObject,
): KubeObject =>
  kubeObject({
    ...slice,
    apiVersion,
    endpoints: listAt(slice, 'endpoints').map((e) => (isObject(e) ? change(e) : e)),
  })

const HOSTNAME = 'kubernetes.io/hostname'
const ZONE = 'topology.kubernetes.io/zone'

function toTopology(endpoint: JsonObject): JsonObject {
  const { deprecatedTopology, zone, ...rest } = endpoint
  const topology = {
    ...(isObject(deprecatedTopology) ? deprecatedTopology : {}),
    ...(zone === undefined ? {} : { [ZONE]: zone }),
    ...(endpoint.nodeName === undefined ? {} : { [HOSTNAME]: endpoint.nodeName }),
  }
  return { ...rest, topology }
}

function fromTopology(endpoint: JsonObject): JsonObject {
  const { topology, ...rest } = endpoint
  const { [ZONE]: zone, [HOSTNAME]: host, ...other } = isObject(topology) ? topology : {}
  return {
    ...(host === undefined ? {} : { nodeName: host }),
    ...(zone === undefined ? {} : { zone }),
    ...(Object.keys(other).length > 0 ? { deprecatedTopology: other } : {}),
    ...rest,
  }
}
