// The part of the protobuf wire format that the OpenAPI document needs: varints, booleans, strings and messages
// (protobuf.dev, Encoding).

export type Field = Uint8Array

const LENGTH_DELIMITED = 2

function varint(value: number): Uint8Array {
  const out: number[] = []
  let rest = value
  while (rest > 0x7f) {
    out.push((rest & 0x7f) | 0x80)
    rest = Math.floor(rest / 128)
  }
  out.push(rest)
  return Uint8Array.from(out)
}

export const bool = (number: number, value: boolean): Field =>
  Buffer.concat([varint(number << 3), varint(value ? 1 : 0)])

const delimited = (number: number, bytes: Uint8Array): Field =>
  Buffer.concat([varint((number << 3) | LENGTH_DELIMITED), varint(bytes.length), bytes])

/** Nothing for an empty text, which is the default. */
export const text = (number: number, value: string): readonly Field[] =>
  value === '' ? [] : [delimited(number, Buffer.from(value))]

export const message = (number: number, fields: readonly Field[]): Field =>
  delimited(number, Buffer.concat(fields))

export const encode = (fields: readonly Field[]): Uint8Array => Buffer.concat(fields)
