import { createRandom } from '../../infra/demo/random.ts'
import type { RedisKind, Scenario, Stage, Verdict } from './scenario.ts'

export type Performed = Verdict & { known?: string; scenario: string; title: string; seed: number; tookSeconds: number; met: boolean }

/** The default length of the crash storm, to which all others are in proportion. */
const wholeMinutes = 5
/** Below this hardly anything happens. */
const leastSeconds = 10
const shortSeconds = 6

/** Runs one scenario to its verdict. What is thrown is a scenario that could not be carried out, and counts as missed. */
export async function perform(
  scenario: Scenario,
  { seed, minutes, short, redis = 'server', say }: Pick<Stage, 'seed' | 'short' | 'say'> & { minutes: number; redis?: RedisKind },
): Promise<Performed> {
  const startedAt = performance.now()
  const seconds = Math.max(leastSeconds, (scenario.seconds * minutes) / wholeMinutes)
  const lasting = short ? (scenario.shortSeconds ?? shortSeconds) : seconds
  const stage: Stage = { seed, random: createRandom(seed), seconds: lasting, short, redis, say }
  const verdict = await scenario.run(stage).catch(
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
