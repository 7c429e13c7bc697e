import { z } from 'zod'
import { cidrList, fragments, integer } from '../../shared/settings.ts'

export const ingestSettings = z.object({
  ...fragments.redis,
  ...fragments.storage,
  ...fragments.server,
  ...fragments.log,
  ingestKeyRateLimit: integer(1, 1_000_000)
    .default(5_000)
    .describe('Most requests a second with one API key at ingest, unless the key has a limit of its own; beyond it 429.'),
  ingestOrganizationRateLimit: integer(1, 1_000_000)
    .default(10_000)
    .describe('Most requests a second of one organization at ingest, all keys and signing sources together.'),
  eventMaxBytes: integer(1_024, 16_777_216).default(262_144).describe('Largest single event, bytes.'),
  requestMaxBytes: integer(1_024, 268_435_456).default(8_388_608).describe('Largest request, bytes; an array of events may be this long.'),
  requestMaxEvents: integer(1, 100_000).default(1_000).describe('Most events in one request.'),
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
