// One call of the CNI program as it reaches the agent, and what goes back. Nothing here is trusted or parsed yet.

/** What became of CNI_NETNS in the program, which runs where the path means something; the agent may not. */
export type GivenNetns =
  | { readonly state: 'none' }
  /** An open descriptor of a network namespace; the server closes it after the call. */
  | { readonly state: 'open'; readonly fd: number }
  | { readonly state: 'failed'; readonly errno: number }
  /** The namespace that the program itself runs in: the node's own. */
  | { readonly state: 'own' }

export type CniCall = {
  /** The CNI_ variables as bytes: `KEY=VALUE`, each ended by a NUL. */
  readonly environment: Uint8Array
  readonly stdin: Uint8Array
  readonly netns: GivenNetns
  /** The program asked before and its answer was lost with an agent that ended: that call may have been done. */
  readonly repeated: boolean
}

export type Reply = {
  /** 0 for success. */
  readonly exitCode: number
  readonly stdout: string
  /** Takes the call back; for an ADD whose program is gone before it has the answer. */
  readonly undo: (() => Promise<void>) | undefined
}
