// Resources that are stored as they come.

import { ageColumn, nameColumn } from '../age.ts'
import { listAt, objectAt, textAt } from '../json.ts'
import type { KubeObject } from '../object.ts'
import { column, defaulted, plain, type Resource } from '../resource.ts'
import { labelsText } from './service.ts'

const size = (object: KubeObject, ...keys: readonly string[]): number =>
  keys.reduce((sum, key) => sum + Object.keys(objectAt(object, key)).length, 0)

const count = { type: 'integer' } as const

export const configMaps: Resource = {
  ...plain,
  plural: 'configmaps',
  singular: 'configmap',
  kind: 'ConfigMap',
  shortNames: ['cm'],
  definition: 'api.core.v1.ConfigMap',
  columns: [
    nameColumn,
    column('Data', 'Number of keys.', (o) => size(o, 'data', 'binaryData'), count),
    ageColumn,
  ],
}

/** stringData is for writing only: it is stored as data, in base64. */
function encodeSecret(secret: KubeObject): KubeObject {
  const { stringData: _texts, ...rest } = secret
  const texts = Object.entries(objectAt(secret, 'stringData')).map(
    ([k, v]) => [k, Buffer.from(String(v)).toString('base64')] as const,
  )
  const data = { ...objectAt(secret, 'data'), ...Object.fromEntries(texts) }
  return {
    ...secret,
    ...rest,
    ...defaulted(rest, { type: 'Opaque' }),
    stringData: undefined,
    data,
  } as KubeObject
}

export const secrets: Resource = {
  ...plain,
  plural: 'secrets',
  singular: 'secret',
  kind: 'Secret',
  definition: 'api.core.v1.Secret',
  selectable: ['type'],
  columns: [
    nameColumn,
    column('Type', 'What the data is for.', (o) => textAt(o, 'type')),
    column('Data', 'Number of keys.', (o) => size(o, 'data'), count),
    ageColumn,
  ],
  prepareCreate: encodeSecret,
  prepareUpdate: encodeSecret,
}

export const serviceAccounts: Resource = {
  ...plain,
  plural: 'serviceaccounts',
  singular: 'serviceaccount',
  kind: 'ServiceAccount',
  shortNames: ['sa'],
  definition: 'api.core.v1.ServiceAccount',
  columns: [
    nameColumn,
    column('Secrets', 'Number of secrets.', (o) => listAt(o, 'secrets').length),
    ageColumn,
  ],
}

function selectorText(policy: KubeObject): string {
  const expressions = listAt(policy, 'spec', 'podSelector', 'matchExpressions').map((e) => {
    const values = listAt(e, 'values').map(String).join(',')
    return `${textAt(e, 'key')} ${textAt(e, 'operator').toLowerCase()}${values ? ` (${values})` : ''}`
  })
  const labels = labelsText(objectAt(policy, 'spec', 'podSelector', 'matchLabels'))
  return [...(labels === '<none>' ? [] : [labels]), ...expressions].join(',') || '<none>'
}

/** policyTypes: Ingress always, Egress when there are egress rules (NetworkPolicy API, networking.k8s.io/v1). */
function defaultPolicy(policy: KubeObject): KubeObject {
  const spec = objectAt(policy, 'spec')
  const types = ['Ingress', ...(listAt(spec, 'egress').length > 0 ? ['Egress'] : [])]
  return { ...policy, spec: defaulted(spec, { podSelector: {}, policyTypes: types }) }
}

export const networkPolicies: Resource = {
  ...plain,
  group: 'networking.k8s.io',
  plural: 'networkpolicies',
  singular: 'networkpolicy',
  kind: 'NetworkPolicy',
  shortNames: ['netpol'],
  definition: 'api.networking.v1.NetworkPolicy',
  generations: true,
  columns: [nameColumn, column('Pod-Selector', 'Pods that it applies to.', selectorText), ageColumn],
  prepareCreate: defaultPolicy,
  prepareUpdate: defaultPolicy,
}
