import { describe, expect, it } from 'vitest'
import { perform } from '../chaos/perform.ts'
import type { Scenario } from '../chaos/scenario.ts'

/** Most take a few seconds. On a machine that has other things to do, each step of them waits for as long as it must. */
const patienceMs = 400_000
/** Always the same: what fails here fails again, as far as the clock of the machine lets it. */
const seed = 1

/** What a command does at length, in its short form. */
export function inShort(title: string, scenarios: readonly Scenario[]): void {
  describe(title, () => {
    for (const scenario of scenarios.filter(({ shortSeconds }) => shortSeconds !== undefined)) {
      it(
        `${scenario.name} ${scenario.title}`,
        async (context) => {
          const { goals, figures, skipped, known } = await perform(scenario, { seed, minutes: 1, short: true, say: () => {} })

          if (skipped) context.skip(skipped)
          process.stdout.write(`${scenario.name}: ${JSON.stringify(figures)}\n`)
          const missed = goals.filter(({ met }) => !met)
          if (known && missed.length > 0)
            context.skip(`known: ${known} Missed: ${missed.map(({ goal, found }) => `${goal} ${found}`).join(', ')}`)
          expect(missed).toEqual([])
        },
        patienceMs,
      )
    }
  })
}
