// The eBPF programs at the tcx hooks of a node's links.

import { ATTACH, programsAt } from '../../src/kernel/bpf/link.ts'
import { getLinks, parseLink } from '../../src/kernel/netlink/link.ts'
import { withNetnsPath } from '../../src/kernel/netns.ts'
import { inNamespace } from './node_namespace.ts'

/** @returns their IDs, each once */
export function attachedTo(node: string): readonly number[] {
  const links = inNamespace(node, (socket) => socket.dump(getLinks()).map((body) => parseLink(body).index))
  const hooks = [ATTACH.TCX_INGRESS, ATTACH.TCX_EGRESS]
  const ids = withNetnsPath(node, () =>
    links.flatMap((link) => hooks.flatMap((hook) => programsAt(link, hook))),
  )
  return [...new Set(ids)]
}
