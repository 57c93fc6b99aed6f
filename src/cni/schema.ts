// The words of the CNI JSON that several schemas share, and a schema's verdict as a CNI error. Unknown keys are
// tolerated everywhere and a null reads as absent, as Go's decoder, which every runtime uses, writes and reads it.

import * as v from 'valibot'
import { cidrLength, parseCidr } from '../base/cidr.ts'
import { familyOf, type Ip, parseIp } from '../base/ip.ts'
import { ok, type Result } from '../base/result.ts'
import { type CniError, clipped, failure, shown } from './errors.ts'

/** An address with the length of its network's prefix. Host bits count: it is an address, not a range. */
export type IpWithLength = { readonly ip: Ip; readonly length: number }

export const ipSchema = v.pipe(
  v.string(),
  v.rawTransform<string, Ip>(({ dataset, addIssue, NEVER }) => {
    const ip = parseIp(dataset.value)
    if (ip.ok) return ip.value
    addIssue({ message: `${shown(dataset.value)} is no IP address` })
    return NEVER
  }),
)

/** `10.1.2.3/24`; where `bare` allows it, `10.1.2.3` too, which has the full length. */
const ipWithLength = (bare: boolean) =>
  v.pipe(
    v.string(),
    v.rawTransform<string, IpWithLength>(({ dataset, addIssue, NEVER }) => {
      const [address = ''] = dataset.value.split('/')
      const ip = parseIp(address)
      const text =
        bare && ip.ok && address === dataset.value ? `${address}/${fullLength(ip.value)}` : dataset.value
      const cidr = parseCidr(text)
      if (ip.ok && cidr.ok) return { ip: ip.value, length: cidrLength(cidr.value) }
      addIssue({ message: `${shown(dataset.value)} is no address with a prefix length` })
      return NEVER
    }),
  )

const fullLength = (ip: Ip): number => (familyOf(ip) === 4 ? 32 : 128)

export const addressSchema = ipWithLength(false)
export const addressOrIpSchema = ipWithLength(true)

/** Absent, or null, which reads as absent; an address may be '' too. */
export const maybe = <S extends v.GenericSchema>(schema: S) => v.optional(v.nullable(schema))
export const maybeIp = v.optional(v.nullable(v.union([v.literal(''), ipSchema])))
export const list = <S extends v.GenericSchema>(schema: S) => v.optional(v.nullable(v.array(schema), []), [])
export const words = list(v.string())

export const dnsSchema = v.looseObject({
  nameservers: words,
  domain: v.optional(v.nullable(v.string(), ''), ''),
  search: words,
  options: words,
})

/** The value, or one CNI error that names each wrong key with what was found there. */
export function parsed<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  code: number,
  where: string,
): Result<v.InferOutput<S>, CniError> {
  const outcome = v.safeParse(schema, value)
  if (outcome.success) return ok(outcome.output)
  const wrong = outcome.issues.slice(0, 5).map((issue) => {
    const path = v.getDotPath(issue)
    return `${clipped(path ? `${where}.${path}` : where, 120)}: ${clipped(issue.message, 200)}`
  })
  return failure(code, `invalid ${clipped(wrong[0] ?? where, 250)}`, wrong.join('; '))
}
