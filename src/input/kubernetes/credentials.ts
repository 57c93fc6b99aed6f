// The texts of certificates and tokens that stand in files, read again when a minute old or when asked for afresh,
// since both rotate. A file that cannot be read any more leaves its last text in use.

import { readFile } from 'node:fs/promises'
import type { Clock } from '../../base/clock.ts'
import { fault, ok, type Result } from '../../base/result.ts'
import type { Material } from './connection.ts'

const maxAgeMs = 60_000

export class Credentials {
  readonly #clock: Clock
  /** BOUNDED by the files that one connection names: at most four. */
  readonly #texts = new Map<string, { readonly text: string; readonly readMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `afresh`: whatever its age, e.g. after the server refused it. */
  async text(material: Material, afresh = false): Promise<Result<string>> {
    if ('text' in material) return ok(material.text)
    const known = this.#texts.get(material.file)
    // The absolute value, because the wall clock may be set back.
    if (known && !afresh && Math.abs(this.#clock.nowMs() - known.readMs) < maxAgeMs) return ok(known.text)
    try {
      const text = (await readFile(material.file, 'utf8')).trim()
      this.#texts.set(material.file, { text, readMs: this.#clock.nowMs() })
      return ok(text)
    } catch (error) {
      if (known) return ok(known.text)
      const next = 'it is tried again; mount or create the file'
      return fault('bad-credential', material.file, 'a readable certificate or token', String(error), next)
    }
  }
}
