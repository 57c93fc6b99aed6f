// `make bench-scale`: an agent in a cluster of 1,000 nodes, and one on a node of 500 pods that come and go.
// Options: --nodes (1,000), --starts (5), --changes (50), --pods (500), --seconds (60), --at-once (4); --only 1 or 2.

import { publish } from './lib/figures.ts'
import { enterSandbox, option } from './lib/sandbox.ts'
import { measureNodes } from './scale_nodes.ts'
import { measurePods } from './scale_pods.ts'

enterSandbox()
const only = option('only', 0)
const figures = [
  ...(only === 2
    ? []
    : await measureNodes({
        nodes: option('nodes', 1000),
        starts: option('starts', 5),
        changes: option('changes', 50),
      })),
  ...(only === 1
    ? []
    : await measurePods({
        pods: option('pods', 500),
        seconds: option('seconds', 60),
        atOnce: option('at-once', 4),
      })),
]
publish('scale', figures, only === 0)
process.exit(0)
