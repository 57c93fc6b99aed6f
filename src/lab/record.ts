// What the lab's commands know of a lab that an earlier command made: files under /run/podlane-lab, each written
// beside and renamed, so that a reader sees whole ones only.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import * as v from 'valibot'
import { LAB_FOLDER, labFile, processFolder } from './paths.ts'
import { type ProcessRecord, recordOf } from './processes.ts'

const processSchema = v.object({ pid: v.number(), startTicks: v.number() })

export const labOptionsSchema = v.object({
  nodes: v.number(),
  pods: v.number(),
  segments: v.number(),
  families: v.picklist(['ipv4', 'ipv6', 'dual']),
  pathMode: v.picklist(['auto', 'direct', 'vxlan']),
  mtuBytes: v.number(),
  /** Of every node, until `podlane lane` says otherwise. */
  lane: v.picklist(['fast', 'plain']),
  /** Without: nodes have no agent and no CNI files until somebody puts others there. */
  agent: v.boolean(),
})
/** What `lab up` was asked for; `pods` is per node. */
export type LabOptions = Readonly<v.InferOutput<typeof labOptionsSchema>>

const recordSchema = v.object({
  options: labOptionsSchema,
  startedAt: v.string(),
  /** `starting` while the command that makes it runs. */
  phase: v.picklist(['starting', 'up']),
  /** The process of `lab up`. */
  maker: processSchema,
  /** Folders on the host that the lab made to mount on, parents first. */
  madeFolders: v.array(v.string()),
})
export type LabRecord = v.InferOutput<typeof recordSchema>

export function writeWhole(file: string, text: string, mode = 0o600): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
  const draft = `${file}.${process.pid}.new`
  writeFileSync(draft, text, { mode })
  renameSync(draft, file)
}

export const writeJson = (file: string, value: unknown): void =>
  writeWhole(file, `${JSON.stringify(value, undefined, 2)}\n`)

/** Undefined when the file is absent or of another release: then there is nothing in it to rely on. */
export function readRecord(): LabRecord | undefined {
  const text = readText(labFile)
  const parsed =
    text === undefined ? undefined : v.safeParse(v.pipe(v.string(), v.parseJson(), recordSchema), text)
  return parsed?.success ? parsed.output : undefined
}

export const writeRecord = (record: LabRecord): void => writeJson(labFile, record)

export function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** To be called in the moment in which the process was started: its number cannot be another's yet. */
export function writeProcess(name: string, pid: number): ProcessRecord {
  const record = recordOf(pid) ?? { pid, startTicks: 0 }
  writeJson(`${processFolder}/${name}.json`, record)
  return record
}

export const forgetProcess = (name: string): void => rmSync(`${processFolder}/${name}.json`, { force: true })

/** By name, such as `apiserver` or a node's. */
export function readProcesses(): ReadonlyMap<string, ProcessRecord> {
  const found = new Map<string, ProcessRecord>()
  for (const file of filesIn(processFolder)) {
    if (!file.endsWith('.json')) continue
    const text = readText(`${processFolder}/${file}`) ?? ''
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), processSchema), text)
    if (parsed.success) found.set(file.slice(0, -'.json'.length), parsed.output)
  }
  return found
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

export const removeLabFolder = (): void => rmSync(LAB_FOLDER, { recursive: true, force: true })
