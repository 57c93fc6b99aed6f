// The scalar values that files written by people may hold, each with the words for what is wanted there. Addresses
// come out branded and canonical.

import * as v from 'valibot'
import { type Cidr, parseCidr } from '../base/cidr.ts'
import { type Ip, parseIp } from '../base/ip.ts'
import { fault, ok, type Result } from '../base/result.ts'
import { isRoutable, isRoutableIp } from './routable.ts'

/** A string that one of our parsers turns into its canonical, branded form. */
function parsedString<T extends Ip | Cidr>(wanted: string, parse: (text: string) => Result<T>) {
  return v.pipe(
    v.string(wanted),
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      const parsed = parse(dataset.value)
      if (parsed.ok) return parsed.value
      addIssue({ message: wanted })
      return NEVER
    }),
  )
}

export function matching(pattern: RegExp, wanted: string) {
  return v.pipe(v.string(wanted), v.regex(pattern, wanted))
}

export function wholeNumber(min: number, max: number) {
  const wanted = `a whole number from ${min} to ${max}`
  return v.pipe(v.number(wanted), v.integer(wanted), v.minValue(min, wanted), v.maxValue(max, wanted))
}

export function oneOf<const T extends readonly string[]>(values: T) {
  return v.picklist(values, `one of ${values.join(', ')}`)
}

export const ipValue = parsedString('an IP address', parseIp)
export const cidrValue = parsedString('an address range such as 10.244.0.0/16', parseCidr)

const never = 'not loopback, multicast, link-local or 0.0.0.0'
/** What a node or a pod may have. */
export const routableIpValue = v.pipe(ipValue, v.check(isRoutableIp, `an address of a host: ${never}`))
export const routableCidrValue = v.pipe(
  cidrValue,
  v.check(isRoutable, `a range of addresses of hosts: ${never} among them`),
)
export const portValue = wholeNumber(1, 65_535)
export const switchValue = v.boolean('true or false')
export const textValue = matching(/\S/, 'a text that is not empty')
export const pathValue = matching(/^\/\S*$/, 'an absolute path')

/** RFC 1123 subdomain, as Kubernetes demands of a node's name. */
export const nodeNameValue = matching(
  /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  'a node name: lower-case letters, digits, dots and dashes',
)

/** IFNAMSIZ less one; slash, space and colon are refused by the kernel (dev_valid_name). */
export const deviceValue = matching(/^(?!\.{1,2}$)[^\s/:]{1,15}$/, 'an interface name of 1 to 15 characters')

const listenWanted = 'an address and port such as 127.0.0.1:9474 or [::1]:9474'

/** `127.0.0.1:9474` or `[::1]:9474`. A host name would have to be resolved, and may then mean more than loopback. */
export function parseListen(text: string): Result<{ readonly host: Ip; readonly port: number }> {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text)
  const host = parseIp(parts?.[1] ?? parts?.[2] ?? '')
  const port = Number(parts?.[3])
  if (host.ok && port >= 1 && port <= 65_535) return ok({ host: host.value, port })
  return fault('bad-listen', 'listen address', listenWanted, JSON.stringify(text), 'correct the address')
}

export const listenValue = v.pipe(
  v.string(listenWanted),
  v.check((text) => parseListen(text).ok, listenWanted),
)
