import { z } from 'zod'
import { cidrList, fragments } from '../../shared/settings.ts'

export const statusSettings = z.object({
  ...fragments.redis,
  ...fragments.storage,
  ...fragments.server,
  ...fragments.log,
  allowedAddresses: cidrList.describe('Private addresses that webhooks may have all the same: CIDRs, comma-separated.'),
  queuesWritable: z
    .stringbool()
    .default(false)
    .describe('Whether `/queues` may change the queue: retry, promote and remove jobs, pause. `true` or `false`.'),
})
export type StatusSettings = z.infer<typeof statusSettings>
