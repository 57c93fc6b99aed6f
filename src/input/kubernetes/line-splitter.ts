// Cuts a watch's stream into lines, one event each. A line that the connection's end cuts off is never delivered.

const newline = 0x0a
/** More than any object that fits into etcd. */
const maxBytes = 32 * 2 ** 20

export class LineSplitter {
  readonly #onLine: (text: string) => void
  #pieces: Buffer[] = []
  #pieceBytes = 0

  constructor(onLine: (text: string) => void) {
    this.#onLine = onLine
  }

  /** False: a line longer than any event. */
  push(chunk: Buffer): boolean {
    let from = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      this.#line(chunk.subarray(from, end))
      from = end + 1
    }
    if (from < chunk.length) {
      this.#pieces.push(chunk.subarray(from))
      this.#pieceBytes += chunk.length - from
    }
    return this.#pieceBytes <= maxBytes
  }

  #line(last: Buffer): void {
    const whole = this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last])
    this.#pieces = []
    this.#pieceBytes = 0
    const text = whole.toString('utf8').trim()
    if (text !== '') this.#onLine(text)
  }
}
