// The types of the running kernel: vmlinux and, where a name is not there, the modules. Read when first asked, and
// some ten megabytes until closed.

import { readdirSync, readFileSync } from 'node:fs'
import { Btf, KIND } from './btf.ts'
import { Attr, BPF, bpf, closeFd, fieldText, objectInfo } from './command.ts'

const FOLDER = '/sys/kernel/btf'

export type KernelType = {
  readonly btf: Btf
  readonly id: number
  /** Undefined for the kernel proper. */
  readonly module: string | undefined
}

export type KernelMember = { readonly bitOffset: number; readonly bits: number; readonly type: number }

export class KernelBtf {
  #vmlinux: Btf | undefined
  #modules: Map<string, Btf> | undefined

  /** Undefined too if the kernel was built without BTF. */
  find(kind: number, name: string): KernelType | undefined {
    const vmlinux = this.#base()
    if (!vmlinux) return undefined
    const id = vmlinux.find(kind, name)
    if (id !== undefined) return { btf: vmlinux, id, module: undefined }
    for (const [module, btf] of this.#others(vmlinux)) {
      const found = btf.find(kind, name)
      if (found !== undefined) return { btf, id: found, module }
    }
    return undefined
  }

  /** The memory goes back; asked again, it is read again. */
  close(): void {
    this.#vmlinux = undefined
    this.#modules = undefined
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #base(): Btf | undefined {
    if (!this.#vmlinux) {
      const bytes = read('vmlinux')
      if (bytes) this.#vmlinux = new Btf(bytes)
    }
    return this.#vmlinux
  }

  #others(vmlinux: Btf): Map<string, Btf> {
    if (!this.#modules) {
      this.#modules = new Map()
      for (const name of readdirSync(FOLDER)) {
        const bytes = name === 'vmlinux' ? undefined : read(name)
        if (bytes) this.#modules.set(name, new Btf(bytes, vmlinux))
      }
    }
    return this.#modules
  }
}

function read(name: string): Buffer | undefined {
  try {
    return readFileSync(`${FOLDER}/${name}`)
  } catch {
    // A kernel without BTF, or a module that has just gone.
    return undefined
  }
}

/** A member by its name, in anonymous structs and unions inside as well. */
export function findMember(btf: Btf, struct: number, name: string, from = 0): KernelMember | undefined {
  for (let i = 0; i < btf.memberCount(struct); i++) {
    const member = btf.member(struct, i)
    const bitOffset = from + member.bitOffset
    if (member.name === name) return { bitOffset, bits: member.bits, type: member.type }
    if (member.name !== '') continue
    const inside = btf.resolved(member.type)
    if (!isComposite(btf, inside)) continue
    const found = findMember(btf, inside, name, bitOffset)
    if (found) return found
  }
  return undefined
}

export const isComposite = (btf: Btf, id: number): boolean =>
  id !== 0 && (btf.kind(id) === KIND.STRUCT || btf.kind(id) === KIND.UNION)

/** A descriptor of a loaded module's BTF, which calls to its functions need. */
export function openModuleBtf(module: string): number | undefined {
  let id = 0
  for (;;) {
    const next = new Attr(12).u32(0, id)
    if (bpf(BPF.BTF_GET_NEXT_ID, next) < 0) return undefined
    id = next.read32(4)
    const fd = bpf(BPF.BTF_GET_FD_BY_ID, new Attr(12).u32(0, id))
    if (fd < 0) continue
    const name = Buffer.alloc(64)
    const info = new Attr(32).pointer(16, name).u32(24, name.length)
    if (objectInfo(fd, info.bytes) === 0 && info.read32(28) === 1 && fieldText(name) === module) return fd
    closeFd(fd)
  }
}
