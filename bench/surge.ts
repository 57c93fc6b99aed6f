// `make bench-surge`: an open load in steps to well beyond saturation and back, over four paths in turns: where each
// bends, what a request costs there, and whether the capacity model saw it coming.
// Options (as SURGE='--short'): --short (under a minute), --passes (10), --ms (200), --arrivals poisson or constant,
// --paths (names with commas between), --scale (more cores and nodes, with what cores there are), --no-save,
// --picture FILE (also of a run that is not saved), --patience (5, seconds to wait for cores at rest).

import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { publish, writeResult } from './lib/figures.ts'
import { enterSandbox, hasFlag, option, textOption } from './lib/sandbox.ts'
import { stampPackets } from './lib/stamps.ts'
import { makeCandidates } from './paths_candidates.ts'
import { checkLane } from './paths_lane.ts'
import { checkPaths } from './paths_rounds.ts'
import { curveOf, keptOf, surgeFigures } from './surge_figures.ts'
import { runPasses } from './surge_passes.ts'
import { surgePicture } from './surge_picture.ts'
import { restWithin } from './surge_rest.ts'
import { CORES_NEEDED, measureScale, notMeasured, printScale, scaleNames } from './surge_scale.ts'
import { startStages } from './surge_stages.ts'
import { ONE_CORE, steer } from './surge_steering.ts'
import { printChain, printCurves, printKnees } from './surge_table.ts'

const PATHS = ['flannel', 'plain-direct', 'fast-vxlan', 'fast-direct']
/** For agents that have just started, and again for a step in which the generator was late. */
const PATIENCE_SECONDS = 5
const PICTURE = fileURLToPath(new URL('./results/surge.svg', import.meta.url))

enterSandbox()
const short = hasFlag('short')
const paths = textOption('paths')?.split(',') ?? PATHS
const scales = hasFlag('scale') || cpus().length >= CORES_NEEDED
// Six agents that probe would take the path's core in turns; on a node there is one. What that one makes the kernel do for
// each packet, a stamp of its arrival, stays.
const candidates = await makeCandidates([...paths, ...(scales ? scaleNames() : [])], {
  config: 'probes: off\n',
})
const endStamps = stampPackets()
checkPaths(candidates)
// New pods get their programs when no ADD waits.
await sleep(1_000)
checkLane(candidates, 'at the start')
const placing = ONE_CORE(cpus().length)
const measured = candidates.filter(({ name }) => paths.includes(name))
for (const candidate of measured) steer(candidate, placing)
const patienceSeconds = option('patience', PATIENCE_SECONDS)
if (!(await restWithin(patienceSeconds)))
  console.error('others use the cores: these are no figures of the paths')
const stages = await startStages(placing.path)
const runs = await runPasses({
  ...{ candidates: measured, placing, short, stages, patienceSeconds },
  arrivals: textOption('arrivals') === 'constant' ? 'constant' : 'poisson',
  passes: option('passes', short ? 1 : 10),
  ms: option('ms', short ? 300 : 200),
})
stages?.close()
checkLane(candidates, 'after the passes')
const scale = scales ? await measureScale(candidates) : notMeasured()
endStamps()
const curves = runs.map((run) => curveOf(run, placing.path.length))
printCurves(curves)
printKnees(curves)
printChain(curves)
printScale(scale)
const save = !short && !hasFlag('no-save') && textOption('paths') === undefined
publish('surge', surgeFigures(curves), save)
if (save) writeResult('surge-curves', { paths: curves.map(keptOf), scale })
const picture = textOption('picture') ?? (save ? PICTURE : undefined)
if (picture) writeFileSync(picture, surgePicture(curves))
process.exit(0)
