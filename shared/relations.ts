/** Webhooks that a webhook hands an event on to: once it has it, and when it has failed to take it. */
export type Relations = { triggers: string[]; fallback: string | null }

export const nextOf = ({ triggers, fallback }: Relations): string[] => (fallback === null ? triggers : [...triggers, fallback])

/**
 * The shortest way from a webhook back to itself, both ends included; undefined when there is none. Where there was no
 * loop before, any loop that a change of one webhook makes leads through that webhook.
 */
export function findLoop(from: string, next: (id: string) => readonly string[]): string[] | undefined {
  const cameFrom = new Map<string, string>()
  const waiting = [from]
  for (const id of waiting) {
    for (const following of next(id)) {
      if (following === from) return [...wayTo(id, cameFrom), from]
      if (cameFrom.has(following)) continue
      cameFrom.set(following, id)
      waiting.push(following)
    }
  }
  return undefined
}

function wayTo(id: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const way: string[] = []
  for (let at: string | undefined = id; at !== undefined; at = cameFrom.get(at)) way.unshift(at)
  return way
}
