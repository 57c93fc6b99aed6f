// What a way past the kernel would need of this host: RDMA devices, huge pages for DPDK.

import { namesIn, readNumber } from './text_file.ts'

export type Bypass = { readonly rdmaDevices: readonly string[]; readonly hugePages: number }

export function readBypass(sys = '/sys'): Bypass {
  const sizes = namesIn(`${sys}/kernel/mm/hugepages`)
  const pages = sizes.map((size) => readNumber(`${sys}/kernel/mm/hugepages/${size}/nr_hugepages`) ?? 0)
  return {
    rdmaDevices: namesIn(`${sys}/class/infiniband`),
    hugePages: pages.reduce((sum, n) => sum + n, 0),
  }
}
