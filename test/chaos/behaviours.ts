import type { Random } from '../../infra/demo/random.ts'
import type { Behaviour } from './sinks.ts'

/** Answers 200 after a while. */
export const steady =
  (random: Random, fromMs = 20, toMs = 80): Behaviour =>
  () => ({ answer: 200, afterMs: random.between(fromMs, toMs) })

/** Now and then an error, or a connection that breaks before the answer. */
export const moody =
  (random: Random): Behaviour =>
  () => {
    const mood = random.next()
    return { answer: mood < 0.05 ? 503 : mood < 0.08 ? 'reset' : 200, afterMs: random.between(20, 80) }
  }

/** Fails are tried again soon, and for long enough that a sink which recovers gets everything. */
export const eager = { strategy: 'exponential', attempts: 40, base_seconds: 0.5, max_seconds: 5, jitter: 0.5 }
