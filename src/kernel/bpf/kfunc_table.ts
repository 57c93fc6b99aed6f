// Functions of the kernel that programs of one object call, and the BTF of the modules that have them (fd_array of a
// load): open until all programs are loaded.

import { KIND } from './btf.ts'
import { closeFd } from './command.ts'
import { type KernelBtf, openModuleBtf } from './kernel_btf.ts'
import type { Kfunc } from './linker.ts'

export class KfuncTable {
  readonly #kernel: KernelBtf
  readonly #found = new Map<string, Kfunc | undefined>()
  readonly #modules = new Map<string, number>()

  constructor(kernel: KernelBtf) {
    this.#kernel = kernel
  }

  get(name: string): Kfunc | undefined {
    if (!this.#found.has(name)) this.#found.set(name, this.#find(name))
    return this.#found.get(name)
  }

  /** Place 0 is vmlinux and needs no descriptor. */
  fdArray(): Buffer | undefined {
    if (this.#modules.size === 0) return undefined
    const fds = [0, ...this.#modules.values()]
    const out = Buffer.alloc(fds.length * 4)
    for (const [i, fd] of fds.entries()) out.writeInt32LE(fd, i * 4)
    return out
  }

  close(): void {
    for (const fd of this.#modules.values()) closeFd(fd)
  }

  #find(name: string): Kfunc | undefined {
    const type = this.#kernel.find(KIND.FUNC, name)
    if (!type) return undefined
    if (type.module === undefined) return { id: type.id, btfIndex: 0 }
    if (!this.#modules.has(type.module)) {
      const fd = openModuleBtf(type.module)
      if (fd === undefined) return undefined
      this.#modules.set(type.module, fd)
    }
    return { id: type.id, btfIndex: [...this.#modules.keys()].indexOf(type.module) + 1 }
  }
}
