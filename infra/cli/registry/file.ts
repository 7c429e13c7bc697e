import { readFileSync } from 'node:fs'
import { LineCounter, parseDocument, type Document, type Node } from 'yaml'
import { z } from 'zod'
import { EventTypeInput, EventTypeParam } from '../../../shared/contracts/api/event-type.ts'
import { SourceInput } from '../../../shared/contracts/api/source.ts'
import { WebhookInput } from '../../../shared/contracts/api/webhook.ts'
import { modeOf } from '../../../shared/contracts/retry.ts'
import { SubscriptionInput } from '../../../shared/contracts/subscription.ts'
import { fieldPath } from '../../../shared/problem.ts'
import { Failure, misused } from '../common/fail.ts'
import type { Env } from '../common/io.ts'
import { resolveVariables, type Resolved } from './variables.ts'

const Subscription = z
  .union([SubscriptionInput.shape.event_type, SubscriptionInput])
  .transform((one) => (typeof one === 'string' ? { event_type: one, filters: {} } : { filters: {}, ...one }))

const { label: _label, retry, triggers, fallback, ...webhook } = WebhookInput.shape
/** Labels in the place of ids: the file knows no ids. What is left out is the default, but for the policy that follows from `mode`. */
const WebhookWanted = z
  .strictObject({
    ...webhook,
    retry: retry.unwrap().optional(),
    triggers: triggers.describe('Labels of webhooks of this file, or ids.'),
    fallback: fallback.describe('Label of a webhook of this file, or an id.'),
    subscriptions: z.array(Subscription).max(1_000).default([]),
  })
  .refine((one) => !one.mode || !one.retry || modeOf(one.retry) === one.mode, {
    path: ['retry'],
    message: 'says another number of attempts than `mode`; leave out one of the two',
  })
export type WebhookWanted = z.infer<typeof WebhookWanted>

const { name: _name, ...source } = SourceInput.shape
const SourceWanted = z.strictObject(source)
export type SourceWanted = z.infer<typeof SourceWanted>
export type EventTypeWanted = z.infer<typeof EventTypeInput>

const section = <T extends z.ZodType>(key: z.ZodType<string, string>, of: T) => z.record(key, of).nullable().optional()

/** A section that is left out is not looked at: nothing of its kind is changed or, with --prune, removed. */
const File = z.strictObject({
  event_types: section(EventTypeParam.shape.name, EventTypeInput),
  sources: section(SourceInput.shape.name, SourceWanted),
  webhooks: section(z.string().min(1).max(256), WebhookWanted),
})

export type Wanted = {
  event_types?: Record<string, EventTypeWanted>
  sources?: Record<string, SourceWanted>
  webhooks?: Record<string, WebhookWanted>
  /** Whether the value at this path came out of a variable that is not known here. */
  isUnknown: Resolved['isUnknown']
  /** Where in the file a path stands: `tidings.yaml:12`. */
  at(path: PropertyKey[]): string
}

/** @param strict whether a variable that is not set is an error; otherwise its value is unknown, and compared with nothing */
export function readFile(path: string, env: Env, { strict }: { strict: boolean }): Wanted {
  const text = readText(path)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true })
  if (document.errors.length > 0) throw misused(document.errors.map((error) => `${path}: ${error.message}`).join('\n'))
  const at = (keys: PropertyKey[]) => `${path}:${lines.linePos(offsetOf(document, keys)).line}`
  const inOrder = <T extends { path: PropertyKey[] }>(list: T[]) =>
    list.sort((a, b) => offsetOf(document, a.path) - offsetOf(document, b.path))
  const { value, isUnknown, missing } = resolveVariables(document.toJS({ maxAliasCount: 100 }) ?? {}, env)
  if (strict && missing.length > 0)
    throw misused(
      inOrder(missing)
        .map((one) => `${at(one.path)}: ${fieldPath(one.path)}: the variable ${one.name} is not set`)
        .join('\n'),
    )
  const parsed = File.safeParse(value)
  if (!parsed.success)
    throw misused(
      inOrder(issuesOf(parsed.error.issues))
        .map((one) => `${at(one.path)}: ${fieldPath(one.path)}: ${one.message}`)
        .join('\n'),
    )
  const { event_types, sources, webhooks } = parsed.data
  return { ...(event_types && { event_types }), ...(sources && { sources }), ...(webhooks && { webhooks }), isUnknown, at }
}

function readText(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8')
  } catch (error) {
    throw new Failure(`${path} cannot be read: ${(error as Error).message}`, 2)
  }
}

/** Of the node at a path, or of the nearest that there is above it. */
function offsetOf(document: Document.Parsed, path: PropertyKey[]): number {
  for (let depth = path.length; depth > 0; depth--) {
    const node = document.getIn(path.slice(0, depth), true) as Node | undefined
    if (node?.range) return node.range[0]
  }
  return 0
}

type Issue = { path: PropertyKey[]; message: string; code?: string; keys?: string[]; errors?: Issue[][]; issues?: Issue[] }

/** Each with the path it is about; of several forms that a value may have, the one that it comes nearest to. */
function issuesOf(issues: readonly unknown[]): Issue[] {
  return (issues as Issue[]).flatMap((issue) => {
    if (issue.code === 'unrecognized_keys' && issue.keys)
      return issue.keys.map((key) => ({ path: [...issue.path, key], message: 'is not a known member here' }))
    if (issue.code === 'invalid_key' && issue.issues?.length) return issue.issues.map(({ message }) => ({ path: issue.path, message }))
    if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined')) return [{ path: issue.path, message: 'is missing' }]
    if (issue.code !== 'invalid_union' || !issue.errors?.length) return [issue]
    const forms = issue.errors.map((form) => issuesOf(form)).sort((a, b) => depthOf(b) - depthOf(a) || a.length - b.length)
    return (forms[0] ?? []).map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }))
  })
}

const depthOf = (issues: Issue[]) => Math.max(0, ...issues.map(({ path }) => path.length))
