// How the agent's two JavaScript heaps grow. V8 assumes a program that wants speed and lets its young generation grow to
// tens of megabytes a thread; a look at a thousand nodes leaves a few, and every node of a cluster pays for them.

import { setFlagsFromString } from 'node:v8'

/** To be called before the kernel Worker is made: its heap reads the flags at its birth. */
export function keepMemorySmall(): void {
  // The young generation stays at its first size of 1 MB; what is born there mostly dies there.
  setFlagsFromString('--semi-space-growth-factor=1')
  // Collect sooner rather than take more from the system.
  setFlagsFromString('--memory-saver-mode')
  // One compiler less between interpreter and optimizer: 7 MB of code and of its working memory.
  setFlagsFromString('--no-maglev')
}
