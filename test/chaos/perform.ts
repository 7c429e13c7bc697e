import { createRandom } from '../../infra/demo/random.ts'
import type { Deployment } from '../support/deployments.ts'
import type { Scenario, Stage, Verdict } from './scenario.ts'

export type Performed = Verdict & { known?: string; scenario: string; title: string; seed: number; tookSeconds: number; met: boolean }

/** The default length of the crash storm, to which all others are in proportion. */
const wholeMinutes = 5
/** Below this hardly anything happens. */
const leastSeconds = 10
const shortSeconds = 6

const passedOver = Promise.resolve<Verdict>({ goals: [], figures: {}, skipped: 'it is about the small deployment alone' })

/** Runs one scenario to its verdict. What is thrown is a scenario that could not be carried out, and counts as missed. */
export async function perform(
  scenario: Scenario,
  { seed, minutes, short, ground, say }: Pick<Stage, 'seed' | 'short' | 'say'> & { minutes: number; ground?: Deployment | undefined },
): Promise<Performed> {
  const startedAt = performance.now()
  const seconds = Math.max(leastSeconds, (scenario.seconds * minutes) / wholeMinutes)
  const lasting = short ? (scenario.shortSeconds ?? shortSeconds) : seconds
  const stage: Stage = { seed, random: createRandom(seed), seconds: lasting, short, ground: ground ?? {}, say }
  const verdict = await (ground && !scenario.anywhere ? passedOver : scenario.run(stage)).catch(
    (error: Error): Verdict => ({
      goals: [{ goal: 'carried out', wanted: 'to its end', found: error.stack ?? error.message, met: false }],
      figures: {},
    }),
  )
  return {
    scenario: scenario.name,
    title: scenario.title,
    seed,
    tookSeconds: Math.round((performance.now() - startedAt) / 100) / 10,
    met: verdict.goals.every(({ met }) => met),
    ...verdict,
    ...(scenario.known !== undefined && { known: scenario.known }),
  }
}
