import { z } from 'zod'
import { CustomHeaders } from './headers.ts'

/** "200,404", "200-299,404": single codes and ranges, both ends included, no white space. */
export const StatusCodes = z
  .string()
  .max(200)
  .regex(
    /^[1-5]\d\d(-[1-5]\d\d)?(,[1-5]\d\d(-[1-5]\d\d)?)*$/,
    'must be status codes and ranges joined by commas, for example `200,404` or `200-299,404`',
  )

/** A member's name, or a JSON Pointer (RFC 6901). */
const placeholder = /^([\w.$@-]+|(\/([^~]|~[01])*))$/

/** Placeholders stand behind the host: no event may say whom we ask. */
const UrlTemplate = z
  .string()
  .max(2048)
  .regex(/^https?:\/\/[^{}/?#]+([/?][^#]*)?$/, 'must be an `http:` or `https:` URL with placeholders behind its host only')
  .refine(
    (url) => !/[{}]/.test(url.replace(/\{([^{}]*)\}/g, (whole, inner: string) => (placeholder.test(inner) ? '' : whole))),
    'has a `{…}` that is neither a member of the event nor a JSON Pointer',
  )

export const Lookup = z
  .strictObject({
    url: UrlTemplate.describe(
      'What is asked with GET, for example `https://api.example.com/companies/{id}`. `{id}` is the id of the entity, `{entity_type}` its type, `{event_type}` the type of the event; any other name is a member of the event, `{/a/b}` what that JSON Pointer leads to. Must not lead to a private address unless the operator allows it. Keys belong into `headers`.',
    ),
    headers: CustomHeaders.default({}),
    allowed_status_codes: StatusCodes.default('200-299').describe(
      'Answers that are taken, lists and ranges: `200,404`. After any other the lookup is repeated.',
    ),
    deletion: z
      .strictObject({
        property: z.string().min(1).max(200).describe('A member of the event, dotted where nested, for example `subscriptionType`.'),
        matches: z.string().min(1).max(200).describe('Its value, `*` is any run, `?` one character: `company.deletion`.'),
      })
      .optional()
      .describe(
        'Which events say that the entity is gone. Left out: those whose type ends in `.deleted` or `.deletion`, or with `_deleted`.',
      ),
    merge: z
      .boolean()
      .default(true)
      .describe(
        'Whether the event becomes `{_id}` and the members of the answer; if not, it keeps its own and gets the answer as one more.',
      ),
    response_property: z
      .string()
      .min(1)
      .max(200)
      .default('response')
      .describe('The name of that one more member; without effect while merging.'),
    discard: z
      .boolean()
      .default(true)
      .describe(
        'Whether an event that is no deletion is discarded when the entity is not there (an allowed 404); if not, it becomes `{_id}`.',
      ),
    timeout_ms: z.int().min(100).max(30_000).default(10_000).describe('Milliseconds for the whole of one request.'),
    attempts: z.int().min(1).max(20).default(10).describe('Requests in all, before the partial event has failed.'),
    base_seconds: z
      .number()
      .min(0.05)
      .max(3_600)
      .default(2)
      .describe('Wait after the first attempt, seconds; doubled after each, at most an hour, and shortened by up to a half by chance.'),
  })
  .describe('How a partial event, which says only that something happened, is completed: its entity is looked up at the source.')
export type Lookup = z.infer<typeof Lookup>

const member = z.string().min(1).max(200)
export const CollectSettings = z
  .strictObject({
    entity_type: z
      .string()
      .max(100)
      .regex(/^[A-Za-z0-9_-]+$/, 'must be letters, digits, `_` or `-`')
      .optional()
      .describe(
        'What the entities are, and the first word of `<entity type>.created`. Left out: the `datatype` of a Sesam source, else `entity`.',
      ),
    type_member: member.optional().describe('The member of an entity that says its type, where they differ; without it, `entity_type`.'),
    id_member: member.default('_id').describe('The member that is the id of an entity: a string or a number.'),
    name_member: member.optional().describe('The member that is its name; left out, the id.'),
  })
  .describe('The collect view: of each entity its latest version is kept, and events tell what a scan or a push has changed in it.')
export type CollectSettings = z.infer<typeof CollectSettings>
