// What the scenario asks of a container runtime, whichever it is.

export type ContainerOptions = {
  readonly name: string
  readonly argv: readonly string[]
  /** Ports of the node that lead to ports of the container. */
  readonly publish?: readonly { readonly hostPort: number; readonly containerPort: number }[]
  /** Name of the CNI network; undefined: the first one that the runtime finds. */
  readonly network?: string
}

export type Container = {
  readonly exec: (argv: readonly string[]) => Promise<string>
  /** Stopped and removed, CNI DEL included. */
  readonly remove: () => Promise<void>
}

export type Runtime = {
  readonly name: string
  readonly start: (options: ContainerOptions) => Promise<Container>
  /** Ends what still runs too. */
  readonly close: () => Promise<void>
}

/** The container's address on eth0, without its length. */
export const addressOf = async (container: Container): Promise<string> => {
  const listing = await container.exec('busybox ip -o -4 addr show dev eth0'.split(' '))
  const address = /inet ([\d.]+)/.exec(listing)?.[1]
  if (address === undefined) throw new Error(`no IPv4 address on eth0: ${listing}`)
  return address
}
