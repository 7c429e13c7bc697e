import { z } from 'zod'
import { usualPorts } from '../../shared/http/address-policy.ts'
import { cidrList, fragments, integer, portList } from '../../shared/settings.ts'

export const dispatcherSettings = z.object({
  ...fragments.redis,
  ...fragments.storage,
  ...fragments.log,
  ...fragments.metrics,
  host: fragments.server.host,
  port: integer(0, 65_535).optional().describe('Port for `/healthz` and `/readyz`; none is opened when left out.'),
  allowedAddresses: cidrList.describe('Private addresses that webhooks may have all the same: CIDRs, comma-separated.'),
  allowedPorts: portList
    .default(usualPorts)
    .describe('Ports that webhooks may lead to, comma-separated. At an address of ALLOWED_ADDRESSES, any port.'),
  concurrency: integer(1, 1_000).default(50).describe('Requests under way at once in one dispatcher process.'),
  breakerFailures: integer(0, 1_000)
    .default(5)
    .describe(
      'Failures in a row after which a webhook gets no requests for a while (or 70 % of twice as many within a minute). 0: it always gets them.',
    ),
  breakerOpenMs: integer(100, 300_000)
    .default(10_000)
    .describe('How long that is at first, milliseconds; it doubles with each failed probe, up to 5 minutes.'),
  lockMs: integer(1_000, 300_000)
    .default(15_000)
    .describe('How long a job stays with a dispatcher that gives no sign of life, milliseconds.'),
  stalledMs: integer(500, 300_000).default(5_000).describe('How often jobs of dead dispatchers are looked for, milliseconds.'),
  drainMs: integer(0, 300_000)
    .default(5_000)
    .describe('How long requests under way may take to end when the process is asked to, milliseconds.'),
})
export type DispatcherSettings = z.infer<typeof dispatcherSettings>
