import type { Scenario } from './scenario.ts'
import { crashStorm } from './scenarios/r1-crash-storm.ts'
import { redisWiped } from './scenarios/r2-redis-wiped.ts'
import { redisHangs } from './scenarios/r4-redis-hangs.ts'
import { redisFull } from './scenarios/r7-redis-full.ts'
import { diskFull } from './scenarios/r8-disk-full.ts'
import { rollingRestart } from './scenarios/r9-rolling-restart.ts'
import { retrySchedule } from './scenarios/r12-retry-schedule.ts'
import { outcomePath } from './scenarios/r13-outcome-path.ts'

/** In the order of the plan. */
export const scenarios: readonly Scenario[] = [
  crashStorm,
  redisWiped,
  redisHangs,
  redisFull,
  diskFull,
  rollingRestart,
  retrySchedule,
  outcomePath,
]
