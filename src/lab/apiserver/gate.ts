// A gate that tests close to make the server fall silent: whoever comes waits until it opens again.

export type Gate = {
  readonly isOpen: () => boolean
  readonly close: () => void
  readonly open: () => void
  /** Resolves at once while the gate is open. */
  readonly passed: () => Promise<void>
  /** Called at every opening; the function returned ends that. */
  readonly onOpen: (listener: () => void) => () => void
}

export function createGate(): Gate {
  let opened = true
  const listeners = new Set<() => void>()
  const onOpen = (listener: () => void): (() => void) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
  return {
    isOpen: () => opened,
    close: () => {
      opened = false
    },
    open: () => {
      opened = true
      for (const listener of [...listeners]) listener()
    },
    passed: () => {
      if (opened) return Promise.resolve()
      return new Promise((resolve) => {
        const stop = onOpen(() => {
          stop()
          resolve()
        })
      })
    },
    onOpen,
  }
}
