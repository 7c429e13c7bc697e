import type { Scenario } from './scenario.ts'
import { crashStorm } from './scenarios/r1-crash-storm.ts'
import { redisWiped } from './scenarios/r2-redis-wiped.ts'

/** In the order of the plan. */
export const scenarios: readonly Scenario[] = [crashStorm, redisWiped]
