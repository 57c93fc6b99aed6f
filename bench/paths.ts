// `make bench-paths`: pod to pod between two nodes over every path, in turns, as ratios to node to node.
// Options: --rounds (15), --ms (250), --candidates and --measures (names with commas between), --only traffic or
// programs, --no-save.

import { enterSandbox, hasFlag, option, textOption } from './lib/sandbox.ts'
import { candidateNames, makeCandidates } from './paths_candidates.ts'
import { checkPaths, runRounds } from './paths_rounds.ts'
import { measures } from './paths_measures.ts'
import { printRatios } from './paths_figures.ts'

enterSandbox()
const candidates = await makeCandidates(textOption('candidates')?.split(',') ?? candidateNames)
checkPaths(candidates)
const names = textOption('measures')?.split(',')
const wanted = measures.filter(({ name, extra }) => (names ? names.includes(name) : !extra))
const result = runRounds({ candidates, measures: wanted, rounds: option('rounds', 15), ms: option('ms', 250) })
printRatios(result)
process.exit(0)
