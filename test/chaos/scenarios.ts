import type { Scenario } from './scenario.ts'
import { crashStorm } from './scenarios/r1-crash-storm.ts'
import { redisWiped } from './scenarios/r2-redis-wiped.ts'
import { tornFiles } from './scenarios/r3-torn-files.ts'
import { redisHangs } from './scenarios/r4-redis-hangs.ts'
import { network } from './scenarios/r5-network.ts'
import { failover } from './scenarios/r6-failover.ts'
import { redisFull } from './scenarios/r7-redis-full.ts'
import { diskFull } from './scenarios/r8-disk-full.ts'
import { rollingRestart } from './scenarios/r9-rolling-restart.ts'
import { eventLoop } from './scenarios/r10-event-loop.ts'
import { clock } from './scenarios/r11-clock.ts'
import { retrySchedule } from './scenarios/r12-retry-schedule.ts'
import { outcomePath } from './scenarios/r13-outcome-path.ts'
import { poison } from './scenarios/r14-poison.ts'

/** In the order of the plan. */
export const scenarios: readonly Scenario[] = [
  crashStorm,
  redisWiped,
  tornFiles,
  redisHangs,
  network,
  failover,
  redisFull,
  diskFull,
  rollingRestart,
  eventLoop,
  clock,
  retrySchedule,
  outcomePath,
  poison,
]
