import { openBridgeNetwork } from './runtimes/bridge.ts'
import { openPodlaneNetwork } from './runtimes/podlane.ts'
import { skipWithout } from './runtimes/requirement.ts'
import { describeRuntimes, requiredPrograms } from './runtimes/scenario.ts'

const skip = skipWithout([...requiredPrograms, '/usr/lib/cni/bridge', '/usr/lib/cni/host-local'])

describeRuntimes("Debian's bridge plugin, the baseline", skip, openBridgeNetwork)
describeRuntimes('Podlane', skipWithout(requiredPrograms), openPodlaneNetwork)
