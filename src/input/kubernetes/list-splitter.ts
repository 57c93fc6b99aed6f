// Cuts the body of a list answer into the texts of its items while it arrives, so that neither the body nor the
// parsed list is ever held whole. What is left, the envelope, is small and parsed as JSON at the end.

import { fault, type Result } from '../../base/result.ts'
import { parseJson } from './json.ts'

const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

/** More than any object that fits into etcd; a body that goes on beyond is no list. */
const maxBytes = 32 * 2 ** 20

export class ListSplitter {
  readonly #onItem: (text: string) => void
  /** Bytes of the envelope or of the item that is open, from earlier chunks. */
  #pieces: Buffer[] = []
  #pieceBytes = 0
  #envelope = ''
  #depth = 0
  #inString = false
  #escaped = false
  #inItems = false

  constructor(onItem: (text: string) => void) {
    this.#onItem = onItem
  }

  /** Calls `onItem` with every object of the `items` list that this chunk completes. False: this is no list. */
  push(chunk: Buffer): boolean {
    let from = 0
    for (let i = 0; i < chunk.length; i++) {
      if (this.#inString) {
        i = this.#endOfString(chunk, i)
        continue
      }
      const byte = chunk[i]
      if (byte === quote) this.#inString = true
      else if (byte === openBrace || byte === openBracket) {
        if (this.#inItems && this.#depth === 2) from = i
        this.#depth++
        if (byte === openBracket && this.#depth === 2) from = this.#enterItems(chunk, from, i)
      } else if (byte === closeBrace || byte === closeBracket) {
        if (this.#inItems && this.#depth === 2) {
          this.#inItems = false
          from = i
        }
        this.#depth--
        if (this.#inItems && this.#depth === 2) {
          this.#onItem(this.#take(chunk, from, i + 1))
          from = i + 1
        }
      }
    }
    // Between two items stand only commas and blanks.
    if (!(this.#inItems && this.#depth === 2)) this.#keep(chunk.subarray(from))
    return this.#pieceBytes + this.#envelope.length <= maxBytes
  }

  /** The list without its items, e.g. `{metadata: {resourceVersion: "7"}, items: []}`. */
  end(): Result<unknown> {
    if (this.#inItems || this.#depth !== 0)
      return fault('bad-json', 'list', 'a whole JSON object', 'its end is missing', 'it is asked for again')
    return parseJson(this.#envelope + this.#take(Buffer.alloc(0), 0, 0), 'list')
  }

  /** The index of the string's last byte in this chunk. */
  #endOfString(chunk: Buffer, start: number): number {
    for (let i = start; i < chunk.length; i++) {
      const byte = chunk[i]
      if (this.#escaped) this.#escaped = false
      else if (byte === backslash) this.#escaped = true
      else if (byte === quote) {
        this.#inString = false
        return i
      }
    }
    return chunk.length
  }

  /** At a `[` one level down: if it opens `items`, the envelope goes on behind the matching bracket. */
  #enterItems(chunk: Buffer, from: number, at: number): number {
    this.#envelope += this.#take(chunk, from, at + 1)
    this.#inItems = /"items"\s*:\s*\[$/.test(this.#envelope.slice(-64))
    return at + 1
  }

  #take(chunk: Buffer, from: number, to: number): string {
    if (this.#pieces.length === 0) return chunk.toString('utf8', from, to)
    const whole = Buffer.concat([...this.#pieces, chunk.subarray(from, to)])
    this.#pieces = []
    this.#pieceBytes = 0
    return whole.toString('utf8')
  }

  #keep(piece: Buffer): void {
    if (piece.length === 0) return
    this.#pieces.push(piece)
    this.#pieceBytes += piece.length
  }
}
