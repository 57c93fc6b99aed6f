// Durations as kubectl prints them: two units while that is exact enough, one after (`95s`, `3m7s`, `5h`, `2d3h`).

import { type Column, column } from './resource.ts'

/** Steps: below `limit` seconds, print the larger unit and, when given, the rest in the smaller one. */
const STEPS: readonly (readonly [
  limit: number,
  unit: number,
  name: string,
  restUnit: number,
  restName: string,
])[] = [
  [120, 1, 's', 0, ''],
  [600, 60, 'm', 1, 's'],
  [10_800, 60, 'm', 0, ''],
  [28_800, 3600, 'h', 60, 'm'],
  [172_800, 3600, 'h', 0, ''],
  [691_200, 86_400, 'd', 3600, 'h'],
  [63_072_000, 86_400, 'd', 0, ''],
  [252_288_000, 31_536_000, 'y', 86_400, 'd'],
  [Number.POSITIVE_INFINITY, 31_536_000, 'y', 0, ''],
]

export function durationText(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  for (const [limit, unit, name, restUnit, restName] of STEPS) {
    if (s >= limit) continue
    const rest = restUnit ? Math.floor((s % unit) / restUnit) : 0
    return `${Math.floor(s / unit)}${name}${rest > 0 ? `${rest}${restName}` : ''}`
  }
  return ''
}

export function ageText(time: string, nowMs: number): string {
  const ms = Date.parse(time)
  return Number.isNaN(ms) ? '<unknown>' : durationText((nowMs - ms) / 1000)
}

export const ageColumn: Column = column('Age', 'Time since the object was created.', (o, nowMs) =>
  ageText(o.metadata.creationTimestamp ?? '', nowMs),
)

export const nameColumn: Column = column('Name', 'Name of the object.', (o) => o.metadata.name)
