// Program and conflist put in place for the container runtimes of this machine, and taken away again. Each file is
// whole or not there at any moment; a file that is not Podlane's is never touched.

import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fault, ok, type Result } from '../base/result.ts'
import { conflistName, conflistOf, defaultNetwork, isOurConflist, programName } from './conflist.ts'

export type InstallOptions = {
  /** Such as /opt/cni/bin. */
  readonly binDir: string
  /** Such as /etc/cni/net.d. */
  readonly confDir: string
  /** The static CNI program of this release. */
  readonly shimPath: string
  /** The network's name; `podlane` if not given. */
  readonly network?: string
}

/** The files that were written or removed; one that was right already is not among them. */
export type Changed = { readonly changed: readonly string[] }

/** What native/cni.c carries so that its copies can be told from other programs. */
const signature = 'podlane-cni-program'

const isOurProgram = (bytes: Buffer): boolean => bytes.includes(signature)
const isOurList = (bytes: Buffer): boolean => isOurConflist(bytes.toString('utf8'))

type Place = {
  readonly path: string
  readonly isOurs: (bytes: Buffer) => boolean
  readonly mode: number
}

const places = ({ binDir, confDir }: Pick<InstallOptions, 'binDir' | 'confDir'>) => ({
  program: { path: join(binDir, programName), isOurs: isOurProgram, mode: 0o755 },
  conflist: { path: join(confDir, conflistName), isOurs: isOurList, mode: 0o600 },
})

/** The program first: a runtime that sees the conflist finds the program too. Faults: `foreign-file`, `io`. */
export function installCni(options: InstallOptions): Result<Changed> {
  const { program, conflist } = places(options)
  return orFault('CNI files', () => {
    const shim = readFileSync(options.shimPath)
    if (!isOurProgram(shim))
      return fault('io', options.shimPath, "Podlane's CNI program", 'another file', 'run «make build»')
    // Both are looked at before either is written: no half of an installation beside a foreign file.
    const obstacle = foreign(program) ?? foreign(conflist)
    if (obstacle) return obstacle
    const changed = [
      ...put(program, shim),
      ...put(conflist, Buffer.from(conflistOf(options.network ?? defaultNetwork))),
    ]
    return ok({ changed })
  })
}

/** The conflist first, so that no runtime calls a program that is gone. What is not ours stays, without a fault. */
export function uninstallCni(options: Pick<InstallOptions, 'binDir' | 'confDir'>): Result<Changed> {
  const { program, conflist } = places(options)
  return orFault('CNI files', () => {
    const changed = [conflist, program].filter(({ path, isOurs }) => {
      const found = contentOf(path)
      if (!found || !isOurs(found)) return false
      rmSync(path, { force: true })
      return true
    })
    return ok({ changed: changed.map(({ path }) => path) })
  })
}

function foreign(place: Place): ReturnType<typeof fault> | undefined {
  const found = contentOf(place.path)
  if (!found || place.isOurs(found)) return undefined
  return fault(
    'foreign-file',
    place.path,
    "no file, or one of Podlane's",
    'a file of another origin',
    'move it away if nothing needs it',
  )
}

function contentOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Written beside, flushed and renamed; two that install at once have a draft each. Runtimes look at .conf, .conflist
 * and .json only, so not at the draft.
 */
function put(place: Place, bytes: Buffer): readonly string[] {
  if (contentOf(place.path)?.equals(bytes)) return []
  mkdirSync(dirname(place.path), { recursive: true, mode: 0o755 })
  removeAbandoned(dirname(place.path))
  const draft = join(dirname(place.path), `${draftStart}${process.pid}-${randomBytes(6).toString('hex')}`)
  try {
    writeWhole(draft, place.mode, bytes)
    renameSync(draft, place.path)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
  return [place.path]
}

function writeWhole(path: string, mode: number, bytes: Buffer): void {
  const fd = openSync(path, 'wx', mode)
  try {
    writeFileSync(fd, bytes)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  // The umask has its say in open, not here.
  chmodSync(path, mode)
}

const draftStart = '.podlane.new-'
const ownDraft = /^\.podlane\.new(-\d+-[0-9a-f]{12})?$/
/** A draft older than this is of a program that was killed. */
const ABANDONED_AFTER_MS = 60_000

function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder).filter((n) => ownDraft.test(n))) {
    const stat = statSync(join(folder, name), { throwIfNoEntry: false })
    if (stat?.isFile() && Date.now() - stat.mtimeMs > ABANDONED_AFTER_MS)
      rmSync(join(folder, name), { force: true })
  }
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** A file system's refusal (read-only, no space, no right) is a fault; anything else stays an exception. */
function orFault<T>(object: string, work: () => Result<T>): Result<T> {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof Error) || !codeOf(error)) throw error
    return fault('io', object, 'to read and write them', error.message, 'correct the folder and try again')
  }
}
