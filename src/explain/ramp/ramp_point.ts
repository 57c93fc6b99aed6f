// A step of a ramp as a point for the CPU budget.

import type { RampStep } from '../../schema/ramp.ts'
import type { BudgetPoint } from '../capacity/budget.ts'

const NS = 1e9

export const pointOf = ({ served, cores }: RampStep): BudgetPoint => ({
  rps: served,
  busyNsPerSecond: cores.reduce((sum, c) => sum + c.busy, 0) * NS,
  coreShares: cores.map((c) => c.softirq),
})
