import type { Random } from '../../infra/demo/random.ts'
import type { Deployment } from '../support/deployments.ts'

/** One thing that must hold, and what was found. */
export type Goal = { goal: string; wanted: string; found: number | string; met: boolean }

export type Verdict = {
  goals: Goal[]
  /** Whatever else is worth knowing. */
  figures: Record<string, unknown>
  /** Why it could not be tried here; there are no goals then. */
  skipped?: string
}

export type Stage = {
  seed: number
  random: Random
  /** How long it is to last: a share of the whole command. */
  seconds: number
  /** The form for `npm test`: as few as show that it holds. */
  short: boolean
  /** What its world stands on: that of the small deployment where nothing is said. */
  ground: Deployment
  /** A line for who watches. */
  say(line: string): void
}

/** One of the plan's tests of reliability. One file in `scenarios/` each. */
export type Scenario = {
  name: string
  title: string
  /** With the default of five minutes; scaled with `--minutes`. */
  seconds: number
  /** In the form for `npm test`, where a few seconds do not do. */
  shortSeconds?: number
  /** Why a goal of it is missed at present. The command fails all the same; `npm test` passes over it, and says so. */
  known?: string
  /** Knows how to harm a cluster of Redis, and several of each service, too. */
  anywhere?: true
  run(stage: Stage): Promise<Verdict>
}

export const none = (goal: string, found: number): Goal => ({ goal, wanted: '0', found, met: found === 0 })
export const atMost = (goal: string, found: number, most: number, unit = ''): Goal => ({
  goal,
  wanted: `≤ ${round(most)}${unit}`,
  found: `${round(found)}${unit}`,
  met: found <= most,
})
export const atLeast = (goal: string, found: number, least: number, unit = ''): Goal => ({
  goal,
  wanted: `≥ ${round(least)}${unit}`,
  found: `${round(found)}${unit}`,
  met: found >= least,
})
export const holds = (goal: string, wanted: string, found: string | number, met: boolean): Goal => ({ goal, wanted, found, met })

const round = (value: number) => Math.round(value * 1_000) / 1_000
