import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

const ticksPerSecond = () => Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
let ticks: number | undefined

/** What processes can be asked for their use of the machine; only Linux says it. */
export const canMeasureUsage = existsSync('/proc/self/stat')

/** CPU time that these processes have used so far, all their threads, user and system, in microseconds. */
export function cpuUs(pids: number[]): number {
  ticks ??= ticksPerSecond()
  return pids.reduce((sum, pid) => sum + cpuTicks(pid), 0) * (1_000_000 / ticks)
}

function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

/** Resident memory of a process in bytes. */
export function rssBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes ?? 0) * 1024
}
