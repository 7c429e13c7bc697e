import { z } from 'zod'
import { CollectSettings, Lookup } from '../lookup.ts'
import { time } from './list.ts'

const adapter = z
  .string()
  .min(1)
  .max(100)
  .describe('Which words the source speaks: the name of an adapter, for example `cloudevents` or `standard-webhooks`.')
const scheme = z
  .string()
  .min(1)
  .max(100)
  .nullable()
  .describe('The signature scheme that its requests are verified with; null: by API key alone.')
const members = z.record(z.string(), z.unknown())
const secret = z
  .string()
  .min(8)
  .max(512)
  .regex(/^[!-~]+$/, 'must be printable ASCII without spaces')
  .describe('The secret that the source signs with. Never shown again.')

const secretName = z
  .string()
  .max(100)
  .regex(/^[A-Za-z_][A-Za-z0-9_-]*$/, 'must be letters, digits, `_` or `-`, and begin with a letter or `_`')
  .describe("What `secret('name')` of a validation expression calls it, for example `oauth_client_secret`.")

export const SourceName = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'must be letters, digits, `_` or `-`, and begin with a letter or digit')
  .refine((name) => name !== 'tidings' && name !== 'api', 'is a name that Tidings uses itself')
  .describe('Unique in the organization; part of the path `/sources/{name}/events`. Not `tidings` or `api`.')

export const SourceInput = z
  .strictObject({
    name: SourceName,
    adapter,
    scheme: scheme.optional().describe('As its adapter wants it when left out; null: verified by API key alone.'),
    scheme_params: members.optional().describe('Settings of the scheme, where it has any.'),
    settings: members.optional().describe('Settings of the adapter, where it has any.'),
    secret: secret
      .optional()
      .describe('The secret that the source signs with; with a scheme and without this, one is made and shown once.'),
    secrets: z
      .record(secretName, secret)
      .refine((secrets) => Object.keys(secrets).length <= 10, 'must be at most 10 secrets')
      .optional()
      .describe(
        "Secrets by name, for a `validation_expression`: `secret('name')` is the one of that name. A source without any answers every name with `secret`.",
      ),
    lookup: Lookup.nullable().optional(),
    collect: CollectSettings.nullable().optional(),
  })
  .meta({ id: 'SourceInput', example: { name: 'catalog', adapter: 'standard-webhooks', scheme: 'standard-webhooks' } })
export type SourceInput = z.infer<typeof SourceInput>

export const SourcePatch = z
  .strictObject({
    adapter: adapter.optional(),
    scheme: scheme.optional(),
    scheme_params: members.optional(),
    settings: members.optional(),
    lookup: Lookup.extend({
      headers: Lookup.shape.headers.unwrap().optional().describe('As in the source; left out, or a value `[hidden]`: as they are.'),
    })
      .nullable()
      .optional(),
    collect: CollectSettings.nullable().optional(),
  })
  .meta({
    id: 'SourcePatch',
    description: 'Members left out stay as they are. Secrets are added and removed below `/sources/{name}/secrets`.',
    example: { scheme: 'ptolemy' },
  })

export const Source = z
  .object({
    id: z.string(),
    name: z.string(),
    adapter: z.string(),
    scheme: z.string().nullable(),
    scheme_params: members.describe('Settings of the scheme.'),
    settings: members.describe('Settings of the adapter.'),
    secrets: z
      .array(
        z.object({
          id: z.string().describe('Says which secret is meant without showing it.'),
          name: z.string().nullable().describe('What a validation expression calls it; null: it has no name.'),
        }),
      )
      .describe('Any of them may have signed a request. Newest first; those with a name come last.'),
    lookup: Lookup.nullable().describe('How its partial events are completed; null: they are whole. Values of headers are hidden.'),
    collect: CollectSettings.nullable().describe('How its entities are kept; null: as its adapter says.'),
    created_at: time('When it was registered.'),
    updated_at: time('When it was last changed.'),
  })
  .meta({ id: 'Source' })
export type Source = z.infer<typeof Source>

const shownOnce = z
  .string()
  .nullable()
  .describe('The secret that was made, shown this once; null when you gave it yourself or none is needed.')
export const SourceWithSecret = Source.extend({ secret: shownOnce }).meta({ id: 'SourceWithSecret' })

export const SecretInput = z
  .strictObject({
    secret: secret.optional().describe('The new secret; one is made and shown once when it is left out.'),
    name: secretName.optional(),
  })
  .meta({ id: 'SourceSecretInput' })

const name = z.string().describe('Name of the source.')
export const SourceParam = z.object({ name })
export const SourceSecretParams = z.object({ name, secretId: z.string().describe('Id of the secret.') })

export const SourceRefusal = z
  .object({
    id: z.string(),
    at: time('When it came.'),
    status: z.number().int().describe('HTTP status that it was answered with.'),
    reason: z.string().describe('Why, without anything of what the request held.'),
    bytes: z.number().int().describe('Size of its body, as far as it is known.'),
  })
  .meta({ id: 'SourceRefusal' })
