import type { Source } from '../../../shared/contracts/api/source.ts'
import type { Webhook } from '../../../shared/contracts/api/webhook.ts'
import { Refused, type Api } from '../common/api.ts'
import { Failure } from '../common/fail.ts'
import type { SourceWanted, Wanted, WebhookWanted } from './file.ts'
import { isDifferent, type Change } from './plan.ts'
import type { Present } from './present.ts'
import { idOf, membersOf } from './webhook-plan.ts'

/** What is shown once, of what was made. */
export type Made = { kind: Change['kind']; name: string; secret: string }
type Step = { change: Change; secret?: string | undefined }

/**
 * One after the other, in an order in which each finds what it needs: event types, sources, webhooks, what webhooks are to one
 * another, removals. Whatever is refused ends it, and names its place in the file; done again, it goes on from there.
 */
export async function carryOut(
  api: Api,
  changes: Change[],
  wanted: Wanted,
  present: Present,
  { secrets, done }: { secrets: boolean; done(step: Step): void },
): Promise<void> {
  const webhooks = present.webhooks.map(({ id, label }) => ({ id, label }))
  const related: Change[] = []
  for (const change of changes.filter(isDifferent)) {
    const made = await within(change, wanted, () => carryOutOne(api, change, wanted, secrets))
    if (change.kind === 'webhook' && change.action === 'create' && made) webhooks.push({ id: made.id as string, label: change.name })
    if (change.kind === 'webhook' && change.action !== 'delete') related.push(change)
    done({ change, secret: made?.secret })
  }
  for (const change of related) await within(change, wanted, () => relate(api, change, wanted, webhooks))
}

type Outcome = { id?: string; secret?: string | undefined } | undefined

async function carryOutOne(api: Api, change: Change, wanted: Wanted, secrets: boolean): Promise<Outcome> {
  const { kind, name, action } = change
  const path = `/${kind === 'event type' ? 'event-types' : `${kind}s`}/${encodeURIComponent(change.id ?? name)}`
  if (action === 'delete') return void (await api.call('DELETE', path))
  if (kind === 'event type') return void (await api.call('PUT', path, wanted.event_types?.[name]))
  if (kind === 'source') return putSource(api, change, wanted.sources?.[name] as SourceWanted, secrets)
  return putWebhook(api, change, wanted.webhooks?.[name] as WebhookWanted, secrets)
}

async function putWebhook(api: Api, { name, id, action, differences }: Change, wanted: WebhookWanted, secrets: boolean): Promise<Outcome> {
  const { secret, ...members } = membersOf(wanted)
  const subscribe = async (webhookId: string) => void (await api.call('PUT', `/webhooks/${webhookId}/subscriptions`, wanted.subscriptions))
  if (action === 'create') {
    const made = await api.call<Webhook & { secret: string }>('POST', '/webhooks', {
      ...members,
      label: name,
      ...(secret !== undefined && { secret }),
    })
    await subscribe(made.id)
    return { id: made.id, secret: secret === undefined ? made.secret : undefined }
  }
  const patch = patchOf(members, differences, secrets)
  if (secrets && secret !== undefined) patch.secret = secret
  if (Object.keys(patch).length > 0) await api.call('PATCH', `/webhooks/${id}`, patch)
  if (differences.some(({ member }) => member === 'subscriptions')) await subscribe(id as string)
  return undefined
}

/** Whole members; what is no longer wanted of headers and settings is named with null, as a merge patch has it. */
function patchOf(members: Record<string, unknown>, differences: Change['differences'], secrets: boolean): Record<string, unknown> {
  const patch: Record<string, unknown> = {}
  for (const { member } of differences) if (member in members) patch[member] = members[member]
  for (const group of ['headers', 'format_settings']) {
    const own = differences.filter(({ member }) => member.startsWith(`${group}.`))
    const gone = own.filter(({ to }) => to === null).map(({ member }) => [member.slice(group.length + 1), null])
    const given = members[group] as object
    if (own.length > 0 || (secrets && Object.keys(given).length > 0)) patch[group] = { ...Object.fromEntries(gone), ...given }
  }
  return patch
}

async function relate(
  api: Api,
  { name, id, action, differences }: Change,
  wanted: Wanted,
  webhooks: { id: string; label: string | null }[],
): Promise<Outcome> {
  const all = wanted.webhooks ?? {}
  const { triggers, fallback } = all[name] as WebhookWanted
  const idFor = (one: string) => idOf(one, webhooks, all) ?? one
  const differs = (member: string) => differences.some((one) => one.member === member)
  const isNew = action === 'create'
  const patch = {
    ...((isNew ? triggers.length > 0 : differs('triggers')) && { triggers: triggers.map(idFor) }),
    ...((isNew ? fallback !== null : differs('fallback')) && { fallback: fallback === null ? null : idFor(fallback) }),
  }
  if (Object.keys(patch).length > 0) await api.call('PATCH', `/webhooks/${id ?? idFor(name)}`, patch)
  return undefined
}

async function putSource(api: Api, { name, action, differences }: Change, wanted: SourceWanted, secrets: boolean): Promise<Outcome> {
  if (action === 'create') {
    const made = await api.call<Source & { secret: string | null }>('POST', '/sources', { name, ...wanted })
    return { secret: made.secret ?? undefined }
  }
  const path = `/sources/${encodeURIComponent(name)}`
  const { secret, secrets: named = {}, lookup, ...members } = wanted
  const patch: Record<string, unknown> = {}
  for (const { member, to } of differences)
    patch[member] = member === 'lookup' ? (lookup ?? null) : (members[member as keyof typeof members] ?? to)
  if (secrets && lookup) patch.lookup = lookup
  if (Object.keys(patch).length > 0) await api.call('PATCH', path, patch)
  if (secrets) await replaceSecrets(api, path, secret, named)
  return undefined
}

/** The new ones first: a source is never without. */
async function replaceSecrets(api: Api, path: string, secret: string | undefined, named: Record<string, string>): Promise<void> {
  const { secrets: before } = await api.get<Source>(path)
  const given = [...(secret === undefined ? [] : [{ secret }]), ...Object.entries(named).map(([name, value]) => ({ name, secret: value }))]
  for (const one of given) await api.call('POST', `${path}/secrets`, one)
  const replaced = before.filter(({ name }) => given.some((one) => ('name' in one ? one.name : null) === name))
  for (const { id } of replaced) await api.call('DELETE', `${path}/secrets/${id}`)
}

const sections = { 'event type': 'event_types', source: 'sources', webhook: 'webhooks' } as const

/** A refusal in the words of the file. */
async function within(change: Change, wanted: Wanted, work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    const path = [sections[change.kind], change.name]
    const errors = error.errors.map(
      ({ field, message }) => `${wanted.at([...path, ...field.split('.')])}: ${path.join('.')}.${field}: ${message}`,
    )
    throw new Failure(errors.length > 0 ? errors.join('\n') : `${wanted.at(path)}: ${path.join('.')}: ${error.message}`)
  }
}
