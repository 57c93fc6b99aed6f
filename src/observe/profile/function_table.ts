// What each kernel function is to the profile, by stages.json: a word of bits. Pure. Names are looked up as bytes, letter
// by letter: most of the kernel's 60,000 functions are known to be none of ours after a few.

import { STAGES, type Stage } from '../../schema/stages.ts'
import table from './stages.json' with { type: 'json' }

/** In the low byte of a word: nothing known, one of these, or STAGE and more. */
export const CLASS = { UNKNOWN: 0, LIBRARY: 1, IDLE: 2, ELSEWHERE: 3, STAGE: 8 } as const
export const CLASS_BITS = 0xff
/** Functions that the table does not know are drivers when called from here. */
export const DRIVERS_BELOW = 0x100
/** On behalf of whoever asks or sets up, not of a packet. */
export const QUESTION = 0x200
/** Which way a packet goes, as its stack shows it. */
export const CONTEXT = { vxlan: 0x1000, forwarded: 0x2000, redirected: 0x4000, grown: 0x8000 } as const
export const CONTEXT_BITS = 0xf000

export const stageClass = (stage: Stage): number => CLASS.STAGE + STAGES.indexOf(stage)

/** After the letters that lead to it. Classes are absent where no pattern ends. */
type Node = {
  readonly next: Map<number, Node>
  name?: number
  prefix?: number
  nameFlags: number
  prefixFlags: number
}

const newNode = (): Node => ({ next: new Map(), nameFlags: 0, prefixFlags: 0 })
const isContext = (name: string): name is keyof typeof CONTEXT => name in CONTEXT
const [DOT, ANY] = [0x2e, '*']

/** The class from the best pattern; flags and contexts from every pattern of theirs that fits. */
export class FunctionTable {
  readonly #root = newNode()

  constructor() {
    for (const stage of STAGES) if (stage !== 'other') this.#classes(table.stages[stage], stageClass(stage))
    this.#classes(table.library, CLASS.LIBRARY)
    this.#classes(table.idle, CLASS.IDLE)
    this.#classes(table.elsewhere, CLASS.ELSEWHERE)
    this.#flags(table.driversBelow, DRIVERS_BELOW)
    this.#flags(table.questions, QUESTION)
    for (const [context, patterns] of Object.entries(table.contexts))
      if (isContext(context)) this.#flags(patterns, CONTEXT[context])
  }

  /** @param bytes have the name, as kallsyms has it, from `from` up to `to` */
  wordAt(bytes: Uint8Array, from: number, to: number): number {
    let node: Node = this.#root
    let best: number = CLASS.UNKNOWN
    let flags = 0
    for (let i = from; ; i++) {
      best = node.prefix ?? best
      flags |= node.prefixFlags
      // `.isra.0` and the like are the compiler's.
      if (i === to || bytes[i] === DOT) return (node.name ?? best) | flags | node.nameFlags
      const next = node.next.get(bytes[i] ?? 0)
      if (!next) return best | flags
      node = next
    }
  }

  wordOf(name: string): number {
    const bytes = Buffer.from(name, 'latin1')
    return this.wordAt(bytes, 0, bytes.length)
  }

  /** A pattern that stands for two classes is a mistake in the table. */
  #classes(patterns: readonly string[], word: number): void {
    for (const pattern of patterns) {
      const node = this.#nodeOf(pattern)
      const key = pattern.endsWith(ANY) ? 'prefix' : 'name'
      if (node[key] !== undefined) throw new Error(`stages.json has ${pattern} twice`)
      node[key] = word
    }
  }

  #flags(patterns: readonly string[], flag: number): void {
    for (const pattern of patterns) {
      const node = this.#nodeOf(pattern)
      if (pattern.endsWith(ANY)) node.prefixFlags |= flag
      else node.nameFlags |= flag
    }
  }

  #nodeOf(pattern: string): Node {
    let node = this.#root
    for (const letter of Buffer.from(pattern.replace(/\*$/, ''), 'latin1')) {
      const next = node.next.get(letter) ?? newNode()
      node.next.set(letter, next)
      node = next
    }
    return node
  }
}
