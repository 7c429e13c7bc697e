import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { median, nowUs } from './clock.ts'

export type Machine = { cpu: string; cores: number; memoryGiB: number; node: string; commitUs: number; load: number }

/** What the figures were measured on. Only ratios within one run mean anything on another. */
export const describeMachine = (): Machine => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.versions.node,
  commitUs: commitUs(),
  load: loadavg()[0] ?? 0,
})

/** How long the disk takes to have a page for good: the least that a 202 can wait. */
function commitUs(): number {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-bench-'))
  const file = openSync(join(folder, 'page'), 'w')
  const page = Buffer.alloc(4_096, 1)
  const times: number[] = []
  for (let n = 0; n < 50; n++) {
    const startedAt = nowUs()
    writeSync(file, page)
    fdatasyncSync(file)
    times.push(nowUs() - startedAt)
  }
  closeSync(file)
  rmSync(folder, { recursive: true })
  return median(times)
}

export const machineText = ({ cpu, cores, memoryGiB, node, commitUs: commit, load }: Machine): string =>
  `${cores} cores of ${cpu}, ${memoryGiB} GiB, Node ${node}, a commit to disk ${commit} µs, load ${load.toFixed(1)} before the run`
