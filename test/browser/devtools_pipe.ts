// The DevTools protocol over two pipes: JSON messages that each end with a zero byte, answers by number, events in between.

import type { ChildProcess } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'

type Facts = Readonly<Record<string, unknown>>
export type Caller = (method: string, parameters: object, session?: string) => Promise<Facts>
type Listener = (method: string, facts: Facts) => void
type Message = {
  readonly id?: number
  readonly method?: string
  readonly params?: Facts
  readonly result?: Facts
  readonly error?: { readonly message: string }
}

/** @param child reads commands from its descriptor 3 and writes to 4 */
export function pipeCaller(child: ChildProcess): Caller & { readonly onEvent: (listener: Listener) => void } {
  const commands = child.stdio[3] as Writable
  const answers = child.stdio[4] as Readable
  /** BOUNDED by the calls under way. */
  const waiting = new Map<number, PromiseWithResolvers<Facts>>()
  let listener: Listener = () => undefined
  let last = 0
  let rest = ''
  const take = (message: Message): void => {
    if (message.id === undefined) {
      listener(message.method ?? '', message.params ?? {})
      return
    }
    const call = waiting.get(message.id)
    waiting.delete(message.id)
    if (message.error) call?.reject(new Error(message.error.message))
    else call?.resolve(message.result ?? {})
  }
  answers.setEncoding('utf8')
  answers.on('data', (piece: string) => {
    const messages = (rest + piece).split('\0')
    rest = messages.pop() ?? ''
    for (const message of messages) take(JSON.parse(message) as Message)
  })
  child.on('close', () => {
    for (const call of waiting.values()) call.reject(new Error('the browser has ended'))
    waiting.clear()
  })
  commands.on('error', () => undefined)
  const call: Caller = (method, params, sessionId) => {
    const id = ++last
    const answer = Promise.withResolvers<Facts>()
    waiting.set(id, answer)
    commands.write(
      `${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`,
    )
    return answer.promise
  }
  return Object.assign(call, {
    onEvent: (next: Listener) => {
      listener = next
    },
  })
}
