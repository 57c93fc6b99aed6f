// What a request asks for: the path as resource, namespace, name and subresource, and the media type wanted.

import type { Resource } from './resource.ts'
import { findResource } from './resources.ts'

export type Target = {
  readonly resource: Resource
  /** '' for all namespaces and for resources without one. */
  readonly namespace: string
  /** '' for the collection. */
  readonly name: string
  readonly subresource: string
}

/** `/api/v1/…` and `/apis/GROUP/VERSION/…`; undefined for what is not there. */
export function parseTarget(path: string): Target | undefined {
  const parts = decodeParts(path)
  if (!parts) return undefined
  const [root, ...rest] = parts
  const group = root === 'api' ? '' : root === 'apis' ? rest.shift() : undefined
  const version = rest.shift()
  if (group === undefined || version === undefined) return undefined
  const find = (plural: string | undefined): Resource | undefined =>
    findResource(group, version, plural ?? '')
  const [first, namespace = '', plural, name = '', subresource = '', ...more] = rest
  const inner = first === 'namespaces' ? find(plural) : undefined
  if (inner?.namespaced) {
    return namespace !== '' && more.length === 0
      ? { resource: inner, namespace, name, subresource }
      : undefined
  }
  const [own, ownName = '', ownSubresource = '', ...tooMuch] = rest
  const resource = find(own)
  if (!resource || tooMuch.length > 0 || (resource.namespaced && ownName !== '')) return undefined
  return { resource, namespace: '', name: ownName, subresource: ownSubresource }
}

function decodeParts(path: string): string[] | undefined {
  try {
    return path
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent)
  } catch {
    return undefined
  }
}

export type MediaType = { readonly type: string; readonly parameters: Readonly<Record<string, string>> }

/** The media types of an Accept header in the client's order; weights are not used by Kubernetes' clients. */
export function parseAccept(header: string | undefined): readonly MediaType[] {
  return (header || '*/*').split(',').map((part) => {
    const [type = '', ...pairs] = part.split(';').map((t) => t.trim())
    return { type: type.toLowerCase(), parameters: Object.fromEntries(pairs.map((p) => pairOf(p))) }
  })
}

function pairOf(text: string): readonly [string, string] {
  const at = text.indexOf('=')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

export type Form = 'object' | 'table' | 'unknown'

/** The first form in the client's list that the server has. */
export function wantedForm(accept: readonly MediaType[]): Form {
  for (const { type, parameters } of accept) {
    if (type !== 'application/json' && type !== '*/*' && type !== 'application/*') continue
    const { as, v } = parameters
    if (as === 'Table' && (v === undefined || v === 'v1' || v === 'v1beta1')) return 'table'
    if (as === undefined) return 'object'
  }
  return 'unknown'
}
