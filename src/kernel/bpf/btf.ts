// BTF, the kernel's type information (Documentation/bpf/btf.rst), read in place: types are numbers, their fields are
// read from the bytes when asked. An object a type would cost a hundred megabytes for the kernel's own.

export const KIND = {
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const // prettier-ignore

const HEADER_BYTES = 24
const POINTER_BYTES = 8

/** Bytes that follow the twelve of every type, by kind and number of members. */
function trailingBytes(kind: number, members: number): number {
  switch (kind) {
    case KIND.INT:
    case KIND.VAR:
    case KIND.DECL_TAG:
      return 4
    case KIND.ARRAY:
      return 12
    case KIND.STRUCT:
    case KIND.UNION:
    case KIND.DATASEC:
    case KIND.ENUM64:
      return members * 12
    case KIND.ENUM:
    case KIND.FUNC_PROTO:
      return members * 8
    default:
      return 0
  }
}

/** Where a type is defined, with all that its id means. */
export class Btf {
  readonly bytes: Buffer
  /** Of the first type and of the string section, in `bytes`. */
  readonly #stringsAt: number
  readonly #stringBytes: number
  readonly #base: Btf | undefined
  /** Byte of each type; the first has the id `firstId`. */
  readonly #offsets: Uint32Array
  readonly firstId: number
  readonly endId: number
  readonly endOfStrings: number

  /** `base`: what a module's BTF goes on from (vmlinux). The bytes come from a compiler or the kernel and are trusted. */
  constructor(bytes: Buffer, base?: Btf) {
    if (bytes.length < HEADER_BYTES || bytes.readUInt16LE(0) !== 0xeb9f) throw new Error('not BTF')
    const headerBytes = bytes.readUInt32LE(4)
    const typesAt = headerBytes + bytes.readUInt32LE(8)
    const typesEnd = typesAt + bytes.readUInt32LE(12)
    this.bytes = bytes
    this.#base = base
    this.#stringsAt = headerBytes + bytes.readUInt32LE(16)
    this.#stringBytes = bytes.readUInt32LE(20)
    this.endOfStrings = (base?.endOfStrings ?? 0) + this.#stringBytes
    this.firstId = base ? base.endId : 1
    this.#offsets = typeOffsets(bytes, typesAt, typesEnd)
    this.endId = this.firstId + this.#offsets.length
  }

  /** The byte of a type of this BTF, not of its base. */
  offset(id: number): number {
    const at = this.#offsets[id - this.firstId]
    if (at === undefined) throw new Error(`BTF has no type ${id}`)
    return at
  }

  /** Where the type is read: here or in the base. */
  owner(id: number): Btf {
    return id < this.firstId && this.#base ? this.#base.owner(id) : this
  }

  text(nameOffset: number): string {
    if (this.#base && nameOffset < this.#base.endOfStrings) return this.#base.text(nameOffset)
    const at = this.#stringsAt + nameOffset - (this.#base?.endOfStrings ?? 0)
    return this.bytes.toString('latin1', at, this.bytes.indexOf(0, at))
  }

  /** Three words of a type: name, info, and size or type. */
  word(id: number, index: number): number {
    const owner = this.owner(id)
    return owner.bytes.readUInt32LE(owner.offset(id) + index * 4)
  }

  name(id: number): string {
    return this.text(this.word(id, 0))
  }

  kind(id: number): number {
    return (this.word(id, 1) >>> 24) & 0x1f
  }

  memberCount(id: number): number {
    return this.word(id, 1) & 0xffff
  }

  /** The type that a pointer, typedef, function or variable refers to. */
  target(id: number): number {
    return this.word(id, 2)
  }

  /** Without typedefs, const and the like. */
  resolved(id: number): number {
    let at = id
    for (;;) {
      if (at === 0) return 0
      const kind = this.kind(at)
      const transparent =
        kind === KIND.TYPEDEF ||
        kind === KIND.VOLATILE ||
        kind === KIND.CONST ||
        kind === KIND.RESTRICT ||
        kind === KIND.TYPE_TAG
      if (!transparent) return at
      at = this.target(at)
    }
  }

  /** Bytes of a value of this type; undefined for what has no size. */
  size(id: number): number | undefined {
    const at = this.resolved(id)
    if (at === 0) return undefined
    switch (this.kind(at)) {
      case KIND.PTR:
        return POINTER_BYTES
      case KIND.ARRAY: {
        const element = this.size(this.word(at, 3))
        return element === undefined ? undefined : element * this.word(at, 5)
      }
      case KIND.INT:
      case KIND.STRUCT:
      case KIND.UNION:
      case KIND.ENUM:
      case KIND.ENUM64:
      case KIND.FLOAT:
      case KIND.DATASEC:
        return this.word(at, 2)
      default:
        return undefined
    }
  }

  /** A struct's member: name, type and place. `bits` is 0 unless it is a bit field. */
  member(id: number, index: number): Member {
    const place = this.word(id, 5 + index * 3)
    const bitFields = this.word(id, 1) >>> 31 === 1
    return {
      name: this.text(this.word(id, 3 + index * 3)),
      type: this.word(id, 4 + index * 3),
      bitOffset: bitFields ? place & 0xffffff : place,
      bits: bitFields ? place >>> 24 : 0,
    }
  }

  /** The type of a kind and name that is defined here, not in the base. */
  find(kind: number, name: string): number | undefined {
    const wanted = [this.#base?.stringOffset(name), this.stringOffset(name)]
    const [inBase = -1, own = -1] = wanted
    if (inBase < 0 && own < 0) return undefined
    for (let i = 0; i < this.#offsets.length; i++) {
      const at = this.#offsets[i] ?? 0
      const nameOffset = this.bytes.readUInt32LE(at)
      if (nameOffset !== own && nameOffset !== inBase) continue
      if (((this.bytes.readUInt32LE(at + 4) >>> 24) & 0x1f) === kind) return this.firstId + i
    }
    return undefined
  }

  /** The string section holds each name once. */
  stringOffset(name: string): number | undefined {
    const strings = this.bytes.subarray(this.#stringsAt, this.#stringsAt + this.#stringBytes)
    const start = this.#base?.endOfStrings ?? 0
    if (strings.indexOf(`${name}\0`, 0, 'latin1') === 0) return start
    const at = strings.indexOf(`\0${name}\0`, 0, 'latin1')
    return at < 0 ? undefined : start + at + 1
  }
}

export type Member = {
  readonly name: string
  readonly type: number
  readonly bitOffset: number
  readonly bits: number
}

function typeOffsets(bytes: Buffer, from: number, end: number): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let count = 0
  // Twice over the bytes, so that the table has its size at once and nothing else is allocated.
  for (let at = from; at < end; count++) at = nextType(view, at)
  const out = new Uint32Array(count)
  for (let at = from, i = 0; at < end; i++) {
    out[i] = at
    at = nextType(view, at)
  }
  return out
}

function nextType(view: DataView, at: number): number {
  const info = view.getUint32(at + 4, true)
  return at + 12 + trailingBytes((info >>> 24) & 0x1f, info & 0xffff)
}
