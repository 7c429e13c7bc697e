import type { Sabotage } from './saboteur.ts'

const saboteur = new URL('./saboteur.js', import.meta.url).href

/** Settings of a process that is to be harmed from inside. */
export const sabotaged = (sabotage: Sabotage): Record<string, string> => ({
  NODE_OPTIONS: `--import=${saboteur}`,
  SABOTAGE: JSON.stringify(sabotage),
})

/** What `/readyz` says: its states, or undefined when there is no answer in time. */
export async function readiness(url: string): Promise<{ ready: boolean; states: Record<string, string> } | undefined> {
  return fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1_000) })
    .then(async (response) => {
      const { dependencies } = (await response.json()) as { dependencies: Record<string, string> }
      return { ready: response.ok, states: dependencies }
    })
    .catch(() => undefined)
}
