import { z } from 'zod'
import { usualPorts } from '../../shared/http/address-policy.ts'
import { cidrList, fragments, integer, portList } from '../../shared/settings.ts'

/** As Opteryx has it: no scheme; a path in front of `/event` may hold a token. */
const opteryxDomain = z
  .string()
  .regex(/^[^\s/?#@\\]+(\/[^\s?#\\]*)?$/, 'must be a host such as `router.example.com`, perhaps with a port and a path, without `https://`')
  .refine((domain) => URL.canParse(`https://${domain}/event`), 'must be a host such as `router.example.com`')

export const statusSettings = z.object({
  ...fragments.redis,
  ...fragments.storage,
  ...fragments.server,
  ...fragments.public,
  ...fragments.log,
  ...fragments.metrics,
  statusKeyRateLimit: integer(1, 1_000_000)
    .default(500)
    .describe('Most requests a second with one API key to the API and the console, unless the key has a limit of its own.'),
  statusOrganizationRateLimit: integer(1, 1_000_000)
    .default(1_000)
    .describe('Most requests a second of one organization to the API and the console.'),
  allowedAddresses: cidrList.describe('Private addresses that webhooks may have all the same: CIDRs, comma-separated.'),
  allowedPorts: portList
    .default(usualPorts)
    .describe('Ports that webhooks may lead to, comma-separated. At an address of ALLOWED_ADDRESSES, any port.'),
  queuesWritable: z
    .stringbool()
    .default(false)
    .describe('Whether `/queues` may change the queue: retry, promote and remove jobs, pause. `true` or `false`.'),
  redeliveryRate: integer(1, 100_000)
    .default(30)
    .describe(
      'Most deliveries a second that redeliveries of many and replays open, all together. At 30 fresh events do not feel it on two cores, and 50,000 take half an hour; more is sooner done, and felt by them. They are fewer where the machine has other things to do.',
    ),
  logRetentionDays: integer(0, 3_650)
    .default(90)
    .describe(
      'Events accepted so many days ago are forgotten, with their deliveries and attempts; on Postgres by whole weeks. None that still has a delivery to make. 0: never, and the log grows for ever.',
    ),
  disableAfterDays: integer(0, 365)
    .default(5)
    .describe('A webhook that has done nothing but fail for so many days is switched off; events `webhook.failing` warn of it. 0: never.'),
  opteryxWebhookDomain: opteryxDomain
    .optional()
    .describe(
      'As in Opteryx Catalog: events of datasets, views and collections go to `https://{this}/event`, in its words and unsigned. A host, perhaps with port and path. Unset: off.',
    ),
  opteryxWebhookQueue: z
    .string()
    .min(1)
    .optional()
    .describe(
      'As in Opteryx Catalog: set, those deliveries are tried again with growing delays; unset, each is made once and a failure only logged. They wait in the queue of Tidings, whatever queue this names.',
    ),
})
export type StatusSettings = z.infer<typeof statusSettings>
