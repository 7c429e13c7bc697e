import { z } from 'zod'
import { usualPorts } from '../../shared/http/address-policy.ts'
import { cidrList, fragments, integer, portList } from '../../shared/settings.ts'

export const ingestSettings = z.object({
  ...fragments.redis,
  ...fragments.storage,
  ...fragments.server,
  ...fragments.log,
  ...fragments.metrics,
  ingestKeyRateLimit: integer(1, 1_000_000)
    .default(5_000)
    .describe('Most requests a second with one API key at ingest, unless the key has a limit of its own; beyond it 429.'),
  ingestOrganizationRateLimit: integer(1, 1_000_000)
    .default(10_000)
    .describe('Most requests a second of one organization at ingest, all keys and signing sources together.'),
  eventMaxBytes: integer(1_024, 16_777_216).default(262_144).describe('Largest single event, bytes.'),
  requestMaxBytes: integer(1_024, 268_435_456).default(8_388_608).describe('Largest request, bytes; an array of events may be this long.'),
  requestMaxEvents: integer(1, 100_000).default(1_000).describe('Most events in one request.'),
  scanMaxEntities: integer(1, 100_000).default(10_000).describe('Most entities in one request of a scan; a larger scan comes in parts.'),
  lookupConcurrency: integer(1, 200).default(10).describe('Lookups of partial events under way at once in one ingest process.'),
  allowedAddresses: cidrList.describe('Private addresses that webhooks, and lookups, may have all the same: CIDRs, comma-separated.'),
  allowedPorts: portList
    .default(usualPorts)
    .describe('Ports that webhooks, and lookups, may lead to, comma-separated. At an address of ALLOWED_ADDRESSES, any port.'),
  ...fragments.public,
  trustedSenders: cidrList.describe(
    'Addresses that may post for a source that can neither sign nor show a key (Opteryx at `/event`): CIDRs, comma-separated.',
  ),
  webhookOrigins: z
    .string()
    .default('*')
    .describe('Who is granted the CloudEvents web hook handshake (OPTIONS): origins, comma-separated, or `*`. A grant is no access.'),
  signatureToleranceSeconds: integer(1, 86_400).default(300).describe('Largest age of a signed timestamp, either way, seconds.'),
})
export type IngestSettings = z.infer<typeof ingestSettings>
