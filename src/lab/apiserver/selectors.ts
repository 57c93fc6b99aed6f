// Label and field selectors as texts of a query (kubectl -l, --field-selector): parsed once, then asked per object.
// Grammar: apimachinery labels.Parse and fields.ParseSelector.

import { err, ok, type Result } from '../../base/result.ts'
import { badRequest, type Failure } from './failures.ts'
import { textAt, textsOf } from './json.ts'
import type { KubeObject } from './object.ts'

export type Matcher = (object: KubeObject) => boolean

export const everything: Matcher = () => true

export const both = (a: Matcher, b: Matcher): Matcher =>
  a === everything ? b : b === everything ? a : (o) => a(o) && b(o)

type LabelTest = (value: string | undefined) => boolean
const KEY = '([A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?)'
const SET = new RegExp(String.raw`^${KEY}\s+(in|notin)\s*\(([^()]*)\)$`)
const EQUALITY = new RegExp(String.raw`^${KEY}\s*(==|=|!=)\s*([-A-Za-z0-9_.]*)$`)
const NUMBER = new RegExp(String.raw`^${KEY}\s*([<>])\s*(\d+)$`)
const PRESENCE = new RegExp(String.raw`^(!?)\s*${KEY}$`)

export function parseLabelSelector(text: string): Result<Matcher, Failure> {
  const tests: (readonly [string, LabelTest])[] = []
  for (const part of splitOutsideParentheses(text)) {
    const test = labelTest(part)
    if (!test) return err(badRequest(`unable to parse requirement: ${JSON.stringify(part)}`))
    tests.push(test)
  }
  if (tests.length === 0) return ok(everything)
  return ok((object) => {
    const labels = textsOf(object.metadata.labels)
    return tests.every(([key, test]) => test(labels[key]))
  })
}

function labelTest(part: string): readonly [string, LabelTest] | undefined {
  const set = SET.exec(part)
  if (set) {
    const values = new Set((set[3] ?? '').split(',').map((v) => v.trim()))
    const wanted = set[2] === 'in'
    // `notin` also takes objects without the label.
    return [set[1] ?? '', (v) => (v === undefined ? !wanted : values.has(v) === wanted)]
  }
  const equality = EQUALITY.exec(part)
  if (equality) {
    const [, key = '', operator, value] = equality
    return [key, operator === '!=' ? (v) => v !== value : (v) => v === value]
  }
  const number = NUMBER.exec(part)
  if (number) {
    const [, key = '', operator, limit] = number
    const inside = (v: number): boolean => (operator === '<' ? v < Number(limit) : v > Number(limit))
    return [key, (v) => v !== undefined && /^\d+$/.test(v) && inside(Number(v))]
  }
  const presence = PRESENCE.exec(part)
  if (!presence) return undefined
  return [presence[2] ?? '', presence[1] === '!' ? (v) => v === undefined : (v) => v !== undefined]
}

function splitOutsideParentheses(text: string): readonly string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** `supported` are the field paths of the resource; the real server refuses all others too. */
export function parseFieldSelector(text: string, supported: readonly string[]): Result<Matcher, Failure> {
  const tests: Matcher[] = []
  for (const part of text.split(',').filter((p) => p !== '')) {
    const found = /^([^=!]+)(==|=|!=)(.*)$/.exec(part)
    if (!found)
      return err(
        badRequest(`invalid selector: ${JSON.stringify(text)}; can't understand ${JSON.stringify(part)}`),
      )
    const [, field = '', operator, value = ''] = found
    if (!supported.includes(field)) return err(badRequest(`field label not supported: ${field}`))
    const path = field.split('.')
    const wanted = operator !== '!='
    const clean = value.replace(/\\(.)/g, '$1')
    tests.push((object) => (fieldText(object, path) === clean) === wanted)
  }
  return ok(tests.reduce(both, everything))
}

/** An absent boolean reads as false, as in the typed objects of the real server. */
function fieldText(object: KubeObject, path: readonly string[]): string {
  const text = textAt(object, ...path)
  return text === '' && BOOLEANS.has(path.join('.')) ? 'false' : text
}

const BOOLEANS: ReadonlySet<string> = new Set(['spec.unschedulable', 'spec.hostNetwork'])
