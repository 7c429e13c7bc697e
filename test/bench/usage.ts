import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

const ticksPerSecond = () => Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
let ticks: number | undefined

/** What processes can be asked for their use of the machine; only Linux says it. */
export const canMeasureUsage = existsSync('/proc/self/stat')

/** Processes that count as one. */
export type Processes = {
  name: string
  pids: number[]
  /** They work through processes that come and go, as Postgres does. */
  withChildren?: boolean
}

/** CPU time that these have used so far, all their threads, user and system, in microseconds. */
export function cpuUs({ pids, withChildren = false }: Processes): number {
  ticks ??= ticksPerSecond()
  const used = withChildren ? cpuTicksOfTree : cpuTicks
  return pids.reduce((sum, pid) => sum + used(pid), 0) * (1_000_000 / ticks)
}

const statOf = (pid: number) => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

const cpuTicks = (pid: number) => sumOf(statOf(pid).slice(11, 13))

/** Its own, those of its children that run, and those of its children that have ended. */
function cpuTicksOfTree(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  return sumOf(statOf(pid).slice(11, 15)) + children.reduce((sum, child) => sum + ticksIfAlive(child), 0)
}

function ticksIfAlive(pid: number): number {
  try {
    return cpuTicks(pid)
  } catch {
    return 0
  }
}

const sumOf = (fields: string[]) => fields.reduce((sum, field) => sum + Number(field), 0)

/** Resident memory of a process in bytes. */
export function rssBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes ?? 0) * 1024
}
