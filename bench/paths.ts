// `make bench-paths`: pod to pod between two nodes over every path, in turns, as ratios to node to node.
// Options: --rounds (13), --ms (200), --candidates and --measures (names with commas between), --only traffic or
// programs, --no-save.

import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { publish } from './lib/figures.ts'
import { enterSandbox, hasFlag, option, textOption } from './lib/sandbox.ts'
import { candidateNames, makeCandidates } from './paths_candidates.ts'
import { rowsOf, trafficFigures } from './paths_figures.ts'
import { checkLane } from './paths_lane.ts'
import { measuresNamed } from './paths_measures.ts'
import { pathsPicture } from './paths_picture.ts'
import { programFigures } from './paths_programs.ts'
import { checkPaths, type Rounds, runRounds } from './paths_rounds.ts'
import { printComparison } from './paths_table.ts'

const PICTURE = fileURLToPath(new URL('../docs/design/paths.svg', import.meta.url))

enterSandbox()
const named = (name: string): readonly string[] | undefined => textOption(name)?.split(',')
const only = textOption('only')
const ms = option('ms', 200)
const candidates = await makeCandidates(named('candidates') ?? candidateNames)
checkPaths(candidates)
// New pods get their programs when no ADD waits.
await sleep(1_000)
checkLane(candidates, 'at the start')
const measures = measuresNamed(named('measures'))
const empty: Rounds = { rounds: [], loops: [], idleShare: 0 }
const result =
  only === 'programs' ? empty : runRounds({ candidates, measures, rounds: option('rounds', 13), ms })
checkLane(candidates, 'after the rounds')
const programs = only === 'traffic' ? [] : programFigures(candidates, ms)
const traffic = trafficFigures(result)
const rows = rowsOf(result)
printComparison(rows, traffic)
const complete = ['candidates', 'measures', 'only'].every((name) => textOption(name) === undefined)
const save = complete && !hasFlag('no-save')
publish(
  'paths',
  [...traffic, ...programs],
  save,
  (figure) => figure.goal !== undefined || programs.includes(figure) || figure.name.includes('vs-flannel'),
)
if (save) writeFileSync(PICTURE, pathsPicture(rows))
process.exit(0)
