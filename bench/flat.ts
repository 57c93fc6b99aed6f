// `make bench-flat`: whether a packet costs the same however many nodes, pods and flows a node knows.
// Options: --batches (105), --loads (7), --rounds (150), --only programs or pairs, --no-save.

import { flatPairFigures } from './flat_pairs.ts'
import { flatProgramFigures } from './flat_programs.ts'
import { publish } from './lib/figures.ts'
import { enterSandbox, hasFlag, option, textOption } from './lib/sandbox.ts'

enterSandbox()
const only = textOption('only')
const programs = only === 'pairs' ? [] : flatProgramFigures(option('batches', 105), option('loads', 7))
const pairs = only === 'programs' ? [] : await flatPairFigures(option('rounds', 150))
publish('flat', [...programs, ...pairs], only === undefined && !hasFlag('no-save'))
process.exit(0)
