import { setTimeout as pause } from 'node:timers/promises'

/** Generous, as it costs only a test that fails: a machine shared with others is slow now and then, and never wrong. */
const patienceMs = 20_000
const betweenMs = 20

/** Repeats an assertion until it holds and resolves with what it returned; past the deadline its last failure stands. */
export async function eventually<T>(assertion: () => T | Promise<T>, withinMs = patienceMs): Promise<T> {
  const deadline = performance.now() + withinMs
  for (;;) {
    try {
      return await assertion()
    } catch (error) {
      if (performance.now() > deadline) throw error
      await pause(betweenMs)
    }
  }
}

/** Resolves as soon as there is something. */
export const arrival = <T>(what: string, look: () => T | undefined, withinMs?: number): Promise<T> =>
  eventually(() => {
    const found = look()
    if (found === undefined) throw new Error(`${what} did not come`)
    return found
  }, withinMs)
