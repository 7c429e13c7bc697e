import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { readRedisUrl, redisUrlForms } from './redis-url.ts'
import { masterKeysOf } from './secrets.ts'

type Env = Record<string, string | undefined>

/** Settings that cannot be used; the text names every variable that is wrong. */
export class SettingsError extends Error {}

/**
 * Reads settings from the environment, once, in a `main.ts`. The schema's keys are camelCase, the variables
 * SCREAMING_SNAKE; `X_FILE` names a file whose content is the value of `X`. All mistakes are reported at once.
 */
export function readSettings<T extends z.ZodRawShape>(schema: z.ZodObject<T>, env: Env): z.infer<z.ZodObject<T>> {
  const values: Record<string, string> = {}
  for (const key of Object.keys(schema.shape)) {
    const name = variableName(key)
    const file = env[`${name}_FILE`]
    const value = file ? readFileSync(file, 'utf8').trim() : env[name]
    if (value !== undefined && value !== '') values[key] = value
  }
  const parsed = schema.safeParse(values)
  if (parsed.success) return parsed.data
  const lines = parsed.error.issues.map((issue) => {
    const key = String(issue.path[0] ?? '')
    const isMissing = values[key] === undefined
    const meaning = (schema.shape[key] as z.ZodType | undefined)?.description
    return `  ${variableName(key)}: ${isMissing ? `is missing${meaning ? `. ${meaning}` : ''}` : issue.message}`
  })
  throw new SettingsError(`these settings cannot be used:\n${lines.join('\n')}`)
}

export const variableName = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()

export const integer = (minimum: number, maximum: number) => z.coerce.number().int().min(minimum).max(maximum)

function refuseRedisUrl(url: string, context: z.RefinementCtx<string>): void {
  try {
    readRedisUrl(url)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
  }
}

/** Fragments shared by several services: each service's settings are made of these and its own. */
export const fragments = {
  redis: {
    redisUrl: z.string().superRefine(refuseRedisUrl).describe(`Redis or Valkey: ${redisUrlForms}`),
    redisPrefix: z
      .string()
      .regex(/^\{[A-Za-z0-9_-]+\}$/, 'must be a hash tag such as `{tidings}`, so that all keys lie in one slot of a cluster')
      .default('{tidings}')
      .describe('Prefix of every key, in braces.'),
    deliveryShards: integer(1, 64)
      .default(1)
      .describe(
        'Into how many shards the work in Redis is divided, by webhooks, so that all masters of a cluster have a part of it; several for each master. The same for every process; changed only with an empty Redis, which is filled again from the database.',
      ),
  },
  storage: {
    databaseUrl: z.string().min(1).describe('`sqlite:` and a file path, or `postgres://user:password@host/database`.'),
    masterKey: z
      .string()
      .refine((text) => Buffer.from(text, 'base64').length === 32, 'must be 32 bytes in base64: `openssl rand -base64 32`')
      .describe('Key that seals stored secrets, 32 bytes in base64; the same for every process. Better as MASTER_KEY_FILE.'),
    masterKeyPrevious: z
      .string()
      .refine(
        (text) => masterKeysOf(text).every((key) => Buffer.from(key, 'base64').length === 32),
        'must be keys of 32 bytes in base64, separated by commas',
      )
      .optional()
      .describe(
        'Master keys that came before, separated by commas: they open what they sealed until `npm run rekey` has sealed it anew. Better as MASTER_KEY_PREVIOUS_FILE.',
      ),
  },
  server: {
    host: z.string().default('127.0.0.1').describe('Address to listen on.'),
    port: integer(0, 65_535).default(8400).describe('Port to listen on; 0 takes a free one.'),
  },
  public: {
    publicUrl: z
      .url()
      .optional()
      .describe(
        'Address that this service is known by, path included, behind a proxy that changes it: schemes that sign the URL need it, and with `https` sign-ins of the console are kept to TLS.',
      ),
  },
  metrics: {
    metricsToken: z
      .string()
      .min(16, 'must have at least 16 characters: `openssl rand -base64 24`')
      .optional()
      .describe(
        'What `/metrics` is shown for, as a Bearer token. Unset: to requests from this machine alone, and not through a proxy. Better as METRICS_TOKEN_FILE.',
      ),
  },
  log: {
    logLevel: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info').describe('Least severe level that is logged.'),
  },
}

/** `10.0.0.0/8, 127.0.0.1/32` → a list. */
export const cidrList = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  )
  .refine(
    (parts) => parts.every((part) => /^[0-9a-fA-F:.]+\/\d{1,3}$/.test(part)),
    'must be CIDRs such as `10.0.0.0/8`, separated by commas',
  )

/** `80, 443` → a list. */
export const portList = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .refine(
    (parts) => parts.every((part) => /^[1-9]\d{0,4}$/.test(part) && Number(part) <= 65_535),
    'must be ports such as `80,443`, separated by commas',
  )
  .transform((parts) => parts.map(Number))
