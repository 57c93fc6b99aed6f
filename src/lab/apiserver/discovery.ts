// Discovery: which groups, versions and resources there are, in the old form (one document per version) and in the
// aggregated form (everything at once) that clients since 1.26 ask for.

import type { Json, JsonObject } from './json.ts'
import type { MediaType } from './request.ts'
import { apiVersionOf, type Resource } from './resource.ts'
import { resources } from './resources.ts'

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const STATUS_VERBS = ['get', 'patch', 'update']

export const serverVersion: JsonObject = {
  major: '1',
  minor: '32',
  gitVersion: 'v1.32.4+podlane-lab',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'none',
  platform: 'linux/amd64',
}

const groupsOf = (): readonly string[] => [...new Set(resources.map((r) => r.group))]

/** The first row of a group has the preferred version. */
const versionsOf = (group: string): readonly string[] => [
  ...new Set(resources.filter((r) => r.group === group).map((r) => r.version)),
]

const rowsOf = (group: string, version: string): readonly Resource[] =>
  resources.filter((r) => r.group === group && r.version === version)

/** The document at `/api`, `/apis`, `/apis/GROUP`, `/api/v1` or `/apis/GROUP/VERSION`, or undefined. */
export function discoveryDocument(path: string): JsonObject | undefined {
  const [root, ...rest] = path.split('/').filter((part) => part !== '')
  if (root === 'api' && rest.length === 0) {
    return { kind: 'APIVersions', versions: versionsOf(''), serverAddressByClientCIDRs: [] }
  }
  if (root === 'api' && rest.length === 1) return resourceList('', rest[0] ?? '')
  if (root !== 'apis') return undefined
  const [group, version, ...more] = rest
  if (group === undefined) {
    const groups = groupsOf().filter((g) => g !== '')
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(groupEntry) }
  }
  if (version === undefined) {
    return group !== '' && versionsOf(group).length > 0
      ? { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(group) }
      : undefined
  }
  return more.length === 0 ? resourceList(group, version) : undefined
}

function groupEntry(group: string): JsonObject {
  const versions = versionsOf(group).map((version) => ({ groupVersion: `${group}/${version}`, version }))
  return { name: group, versions, preferredVersion: versions[0] ?? {} }
}

function resourceList(group: string, version: string): JsonObject | undefined {
  const rows = rowsOf(group, version)
  if (rows.length === 0) return undefined
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf({ group, version }),
    resources: rows.flatMap((r): readonly Json[] => {
      const common = { singularName: r.singular, namespaced: r.namespaced, kind: r.kind }
      const main = {
        ...common,
        name: r.plural,
        verbs: VERBS,
        shortNames: r.shortNames,
        categories: r.categories,
      }
      const status = { ...common, name: `${r.plural}/status`, singularName: '', verbs: STATUS_VERBS }
      return r.hasStatus ? [main, status] : [main]
    }),
  }
}

export type AggregatedVersion = 'v2' | 'v2beta1'

/** The version of the aggregated form that the client puts before plain JSON, or undefined. */
export function wantedAggregation(accept: readonly MediaType[]): AggregatedVersion | undefined {
  for (const { type, parameters } of accept) {
    if (type !== 'application/json') continue
    const { as, g, v } = parameters
    if (as === undefined) return undefined
    if (as === 'APIGroupDiscoveryList' && g === 'apidiscovery.k8s.io' && (v === 'v2' || v === 'v2beta1'))
      return v
  }
  return undefined
}

export const aggregatedType = (v: AggregatedVersion): string =>
  `application/json;g=apidiscovery.k8s.io;v=${v};as=APIGroupDiscoveryList`

/** The aggregated document of `/api` (the core group) or `/apis` (all others). */
export function aggregatedDocument(path: string, v: AggregatedVersion): JsonObject | undefined {
  const core = /^\/api\/?$/.test(path)
  if (!core && !/^\/apis\/?$/.test(path)) return undefined
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${v}`,
    metadata: {},
    items: groupsOf()
      .filter((g) => (g === '') === core)
      .map((group) => ({
        metadata: group === '' ? {} : { name: group },
        versions: versionsOf(group).map((version) => ({
          version,
          freshness: 'Current',
          resources: rowsOf(group, version).map(aggregatedResource),
        })),
      })),
  }
}

function aggregatedResource(r: Resource): JsonObject {
  const responseKind = { group: r.group, version: r.version, kind: r.kind }
  const status = { subresource: 'status', responseKind, verbs: STATUS_VERBS }
  return {
    resource: r.plural,
    responseKind,
    scope: r.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: r.singular,
    verbs: VERBS,
    ...(r.shortNames.length > 0 ? { shortNames: r.shortNames } : {}),
    ...(r.categories.length > 0 ? { categories: r.categories } : {}),
    ...(r.hasStatus ? { subresources: [status] } : {}),
  }
}
