import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { redisUrlForms } from '../shared/redis-url.ts'
import { fragments, integer } from '../shared/settings.ts'

/** What `npm start` reads itself; what the services read is handed on to them. */
export const standaloneSettings = z.object({
  ...fragments.server,
  dataDir: z.string().default('./data').describe('Folder of the database, the keys and the private Redis.'),
  dispatchers: integer(1, 64)
    .default(Math.max(1, availableParallelism() - 1))
    .describe('How many dispatcher processes deliver; by default one for each core but one.'),
  redisUrl: fragments.redis.redisUrl.optional().describe(`A Redis or Valkey to use instead of a private one: ${redisUrlForms}`),
  databaseUrl: fragments.storage.databaseUrl.optional().describe('A database to use instead of the one in the data folder.'),
  masterKey: fragments.storage.masterKey.optional().describe('The key that seals stored secrets, instead of the one in the data folder.'),
  logLevel: fragments.log.logLevel
    .default('warn')
    .describe('Least severe level that is logged; `info`, the default of a service alone, shows each event and attempt.'),
})
export type StandaloneSettings = z.infer<typeof standaloneSettings>
