import type { OpenMetadataInput, WebhookReference } from '../../../shared/contracts/api/openmetadata.ts'
import { invalid } from '../../../shared/problem.ts'
import type { Relations } from '../../../shared/relations.ts'
import type { RelatedWebhook } from '../../../shared/storage/openmetadata.ts'
import type { StatusDeps } from '../deps.ts'

type Referring = Pick<OpenMetadataInput, 'triggers' | 'fallback'>

/** As it is shown: whole, however it was given. */
const referenceOf = ({ id, name, fullyQualifiedName, displayName }: RelatedWebhook): WebhookReference => ({
  id,
  type: 'webhook',
  name,
  fullyQualifiedName,
  ...(displayName !== null && { displayName }),
})

/** Triggers and fallback of an entity; neither member where there is none, as in OpenMetadata's own schema. */
export function relationMembers({ triggers, fallback }: Relations, related: RelatedWebhook[]): Referring {
  const known = new Map(related.map((one) => [one.id, referenceOf(one)]))
  const references = triggers.flatMap((id) => known.get(id) ?? [])
  const last = fallback === null ? undefined : known.get(fallback)
  return { ...(references.length > 0 && { triggers: references }), ...(last && { fallback: last }) }
}

/** The references of an entity as they are shown. @throws Problem that names the one that leads nowhere */
export async function resolveRelations<T extends Referring>(
  organizationId: string,
  entity: T,
  deps: Pick<StatusDeps, 'storage'>,
): Promise<T> {
  const { triggers: given = [], fallback, ...rest } = entity
  const references = [...given, ...(fallback ? [fallback] : [])]
  if (references.length === 0) return rest as unknown as T
  const found = await deps.storage.openMetadata.resolve(organizationId, references)
  const missing = references.flatMap(({ id, name, fullyQualifiedName }, i) => {
    const path = i < given.length ? ['triggers', i] : ['fallback']
    return found[i] ? [] : [{ path, message: `there is no webhook "${id ?? name ?? fullyQualifiedName}"` }]
  })
  if (missing.length > 0) throw invalid(missing)
  const related = found as RelatedWebhook[]
  const triggers = [...new Set(related.slice(0, given.length).map(({ id }) => id))]
  return { ...rest, ...relationMembers({ triggers, fallback: related[given.length]?.id ?? null }, related) } as unknown as T
}

/** The other way round, of references that are resolved. */
export const relatedOf = ({ triggers = [], fallback }: Referring): RelatedWebhook[] =>
  [...triggers, ...(fallback ? [fallback] : [])].map(({ id = '', name = id, fullyQualifiedName = name, displayName = null }) => ({
    id,
    name,
    fullyQualifiedName,
    displayName,
  }))

/** The columns of references that are resolved. */
export const relationColumns = ({ triggers = [], fallback }: Referring): Relations => ({
  triggers: triggers.map(({ id }) => id as string),
  fallback: fallback?.id ?? null,
})
