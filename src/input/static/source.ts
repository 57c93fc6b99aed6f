// A YAML file as the source of nodes and pods, read again whenever it changes, also by an atomic rename or a swapped
// symlink. A bad edit keeps the last good rows and says so in the status; a bad file at the start is a Fault.

import { type FSWatcher, watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { type Fault, fault, faultText, ok, type Result } from '../../base/result.ts'
import { parseStaticFile, type StaticRows } from '../../schema/static-file.ts'
import type { SourceStatus } from '../../state/rows.ts'
import type { RowSink, Source } from '../source.ts'

export type StaticSourceOptions = {
  readonly file: string
  /** This node: pods with another `node:` are not its rows. */
  readonly nodeName: string
  readonly sink: RowSink
  readonly clock: Clock
  readonly log: Log
  /** The file is read so often even if nothing announced a change (inotify sees neither NFS nor a moved folder). */
  readonly pollMs?: number
  /** A changed file is taken when it has stayed the same for so long: an editor may write it in pieces. */
  readonly settleMs?: number
}

/** Delivers the first rows before it returns. */
export async function startStaticSource(options: StaticSourceOptions): Promise<Result<Source>> {
  const text = await readText(options.file)
  if (!text.ok) return text
  const rows = parseStaticFile(text.value, options.file, options.nodeName)
  if (!rows.ok) return rows
  return ok(new StaticSource(options, text.value, rows.value))
}

class StaticSource implements Source {
  readonly #options: StaticSourceOptions
  readonly #run: Promise<void>
  #text: string
  #wake = new AbortController()
  #closed = false
  #watcher: FSWatcher | undefined
  #status = ''
  #lostSinceMs: number | undefined

  constructor(options: StaticSourceOptions, text: string, rows: StaticRows) {
    this.#options = options
    this.#text = text
    this.#deliver(rows)
    this.#watch()
    this.#run = this.#follow()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#watcher?.close()
    this.#wake.abort()
    await this.#run
  }

  async #follow(): Promise<void> {
    const { clock, pollMs = 5_000 } = this.#options
    while (!this.#closed) {
      await clock.sleep(pollMs, this.#wake.signal)
      this.#wake = new AbortController()
      if (this.#closed) return
      if (!this.#watcher) this.#watch()
      await this.#look()
    }
  }

  async #look(): Promise<void> {
    const { file, nodeName, clock } = this.#options
    const text = await this.#settledText()
    if (this.#closed) return
    if (!text.ok) {
      this.#lostSinceMs ??= clock.nowMs()
      this.#report(`the last good rows are kept: ${faultText(text.error)}`)
      return
    }
    const wasLost = this.#lostSinceMs !== undefined
    this.#lostSinceMs = undefined
    if (text.value === this.#text && !wasLost) return
    this.#text = text.value
    const rows = parseStaticFile(text.value, file, nodeName)
    if (rows.ok) this.#deliver(rows.value)
    else this.#report(`the last good rows are kept: ${faultText(rows.error)}`)
  }

  /** Read again until two readings agree, since a file cut off at a line's end is valid and short of nodes. */
  async #settledText(): Promise<Result<string>> {
    const { file, clock, settleMs = 100 } = this.#options
    let text = await readText(file)
    while (!this.#closed && text.ok && text.value !== this.#text) {
      await clock.sleep(settleMs)
      const again = await readText(file)
      if (again.ok && again.value === text.value) break
      text = again
    }
    return text
  }

  #deliver(rows: StaticRows): void {
    const { sink, file } = this.#options
    sink.nodes(rows.nodes)
    sink.pods(rows.pods)
    this.#report(`${rows.nodes.length} nodes from ${file}`)
  }

  #report(message: string): void {
    const status: SourceStatus = { kind: 'static', synced: true, lostSinceMs: this.#lostSinceMs, message }
    const text = JSON.stringify(status)
    if (text === this.#status) return
    this.#status = text
    this.#options.sink.status(status)
  }

  /** The folder, not the file: a rename puts another inode in the file's place. */
  #watch(): void {
    const { file, log } = this.#options
    try {
      const watcher = watch(dirname(file), () => this.#wake.abort())
      watcher.on('error', (error) => {
        log.warn({ file, error: error.message }, 'the file is polled, its folder cannot be watched')
        watcher.close()
        this.#watcher = undefined
      })
      this.#watcher = watcher
    } catch (error) {
      log.debug({ file, error: String(error) }, 'the file is polled, its folder cannot be watched')
    }
  }
}

async function readText(file: string): Promise<Result<string, Fault>> {
  try {
    return ok(await readFile(file, 'utf8'))
  } catch (error) {
    return fault(
      'bad-file',
      file,
      'a readable file',
      String(error),
      'put the file there or correct input.file',
    )
  }
}
