import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Source as WireSource, SourceInput } from '../../shared/contracts/api/source.ts'
import { createId, createSecret } from '../../shared/id.ts'
import { Problem, invalid } from '../../shared/problem.ts'
import type { Source } from '../../shared/storage/storage.ts'
import type { StatusDeps } from './deps.ts'
import { invalidIn, notFound } from './refuse.ts'
import { canSign } from './schemes.ts'
import { iso } from './shape.ts'
import { sealedLookup, shownLookup, type LookupInput } from './lookup.ts'

type Deps = Pick<StatusDeps, 'storage' | 'vault' | 'schemes' | 'adapters' | 'policy' | 'clock'>
const maxSecrets = 10

export const sourceOf = (source: Source, { vault }: Pick<Deps, 'vault'>): WireSource => ({
  id: source.id,
  name: source.name,
  adapter: source.adapter,
  scheme: source.scheme,
  scheme_params: source.schemeParams,
  settings: source.settings,
  secrets: [
    ...source.secrets.map((sealed) => ({ id: secretId(sealed), name: null })),
    ...source.namedSecrets.map(({ sealed, name }) => ({ id: secretId(sealed), name })),
  ],
  lookup: source.lookup && shownLookup(source.lookup, source.id, vault),
  collect: source.collect,
  created_at: iso(source.createdAt),
  updated_at: iso(source.updatedAt),
})

/** Says which secret is meant and nothing about it: a hash of its sealed form, whose nonce is random. */
const secretId = (sealed: string) => createHash('sha256').update(sealed).digest('hex').slice(0, 16)

export async function createSource(
  organizationId: string,
  input: SourceInput,
  deps: Deps,
): Promise<{ source: Source; secret: string | null }> {
  const setUp = checked(input, deps)
  if (input.secret && !setUp.scheme) throw invalid([{ path: ['secret'], message: 'is of no use without a `scheme`' }])
  const id = createId()
  const now = deps.clock.now()
  const named = Object.entries(input.secrets ?? {}).map(([name, value]) => ({ name, sealed: deps.vault.seal(value, id) }))
  const made = needsOwn(setUp, named) && !input.secret ? madeFor(setUp, deps) : null
  if (input.secret) checkSecret(setUp, input.secret, deps)
  const secret = input.secret ?? made
  const secrets = secret ? [deps.vault.seal(secret, id)] : []
  const lookup = input.lookup ? sealedLookup(input.lookup, undefined, id, deps) : null
  const kept = { secrets, namedSecrets: named, lookup, collect: input.collect ?? null }
  const source: Source = { ...setUp, ...kept, id, organizationId, name: input.name, createdAt: now, updatedAt: now }
  if (!(await deps.storage.sources.create(source))) {
    throw new Problem('conflict', `name: there is a source "${input.name}" already`, {
      errors: [{ field: 'name', message: 'is taken by another source' }],
    })
  }
  return { source, secret: made }
}

type SourcePatch = Partial<Pick<SourceInput, 'adapter' | 'scheme' | 'scheme_params' | 'settings' | 'collect'>> & {
  lookup?: LookupInput | null | undefined
}

/** What the patch leaves is judged as a whole. A scheme that is switched on needs a secret: one is made where there is none. */
export async function patchSource(
  organizationId: string,
  name: string,
  patch: SourcePatch,
  deps: Deps,
): Promise<{ source: Source; secret: string | null }> {
  const found = await findSource(organizationId, name, deps)
  const { adapter, scheme, schemeParams: scheme_params, settings } = found
  // Settings of one adapter, or of one scheme, mean nothing to another.
  const kept = {
    adapter,
    scheme,
    ...(patch.scheme === undefined || patch.scheme === scheme ? { scheme_params } : {}),
    ...(patch.adapter === undefined || patch.adapter === adapter ? { settings } : {}),
  }
  const setUp = checked({ ...kept, ...patch }, deps)
  const made = needsOwn(setUp, found.namedSecrets) && found.secrets.length === 0 ? madeFor(setUp, deps) : null
  const secrets = made ? { secrets: [deps.vault.seal(made, found.id)] } : {}
  const more = {
    ...(patch.lookup !== undefined && { lookup: patch.lookup && sealedLookup(patch.lookup, found.lookup ?? undefined, found.id, deps) }),
    ...(patch.collect !== undefined && { collect: patch.collect }),
  }
  const source = await deps.storage.sources.update(organizationId, name, { ...setUp, ...secrets, ...more }, deps.clock.now())
  if (!source) throw notFound('source', name)
  return { source, secret: made }
}

export async function addSecret(
  organizationId: string,
  name: string,
  given: { secret?: string | undefined; name?: string | undefined },
  deps: Deps,
): Promise<{ source: Source; secret: string | null }> {
  const found = await findSource(organizationId, name, deps)
  if (found.secrets.length + found.namedSecrets.length >= maxSecrets)
    throw new Problem('conflict', `a source may have ${maxSecrets} secrets; remove one first`)
  // A secret with a name is for the source's own expression, and of no concern to the scheme.
  const made = given.secret !== undefined ? null : given.name === undefined ? madeFor(found, deps) : createSecret()
  if (given.secret !== undefined && given.name === undefined) checkSecret(found, given.secret, deps)
  const sealed = deps.vault.seal(given.secret ?? (made as string), found.id)
  const patch =
    given.name === undefined
      ? { secrets: [sealed, ...found.secrets] }
      : { namedSecrets: [{ name: given.name, sealed }, ...found.namedSecrets] }
  const source = await deps.storage.sources.update(organizationId, name, patch, deps.clock.now())
  if (!source) throw notFound('source', name)
  return { source, secret: made }
}

export async function removeSecret(organizationId: string, name: string, id: string, deps: Deps): Promise<void> {
  const source = await findSource(organizationId, name, deps)
  const secrets = source.secrets.filter((sealed) => secretId(sealed) !== id)
  const namedSecrets = source.namedSecrets.filter(({ sealed }) => secretId(sealed) !== id)
  const all = source.secrets.length + source.namedSecrets.length
  if (secrets.length + namedSecrets.length === all) throw notFound('secret', id)
  if (secrets.length === 0 && needsOwn(source, namedSecrets))
    throw new Problem('conflict', 'this is the only secret, and without one no request of the source verifies; add another first')
  await deps.storage.sources.update(organizationId, name, { secrets, namedSecrets }, deps.clock.now())
}

/** A validation expression stands in the place of the scheme, and asks for the secrets with a name where there are any. */
const needsOwn = ({ scheme, settings }: SetUp, named: Source['namedSecrets']): boolean =>
  scheme !== null && !(named.length > 0 && typeof settings.validation_expression === 'string')

/** Some schemes take secrets that only the source itself can give: a public key, the secret of an app. */
function madeFor(setUp: SetUp, deps: Deps): string {
  const secret = createSecret()
  if (!takes(setUp, secret, deps)) {
    throw invalid([{ path: ['secret'], message: `must be given: the scheme "${setUp.scheme}" takes one that the source has` }])
  }
  return secret
}

function checkSecret(setUp: SetUp, secret: string, deps: Deps): void {
  if (!takes(setUp, secret, deps)) throw invalid([{ path: ['secret'], message: `is none that the scheme "${setUp.scheme}" can use` }])
}

function takes({ scheme, schemeParams }: SetUp, secret: string, { schemes, clock }: Deps): boolean {
  return !scheme || !schemes.has(scheme) || canSign(schemes.get(scheme), [secret], clock.now(), schemeParams)
}

export async function findSource(organizationId: string, name: string, deps: Pick<Deps, 'storage'>): Promise<Source> {
  const source = await deps.storage.sources.find(organizationId, name)
  if (!source) throw notFound('source', name)
  return source
}

type SetUp = Pick<Source, 'adapter' | 'scheme' | 'schemeParams' | 'settings'>

/** Everything that is wrong at once, each under the name of its member. */
function checked(input: SourcePatch, { adapters, schemes }: Deps): SetUp {
  const adapter = input.adapter ?? ''
  if (!adapters.has(adapter)) throw invalid([{ path: ['adapter'], message: `must be one of ${adapters.names().join(', ')}` }])
  const described = adapters.get(adapter)
  const scheme = input.scheme === undefined ? described.scheme : input.scheme
  if (scheme !== null && !schemes.has(scheme))
    throw invalid([{ path: ['scheme'], message: `must be null or one of ${schemes.names().join(', ')}` }])
  if (scheme !== null && schemes.get(scheme).unsigned)
    throw invalid([{ path: ['scheme'], message: `"${scheme}" verifies nothing; with null an API key is asked for instead` }])
  const params = parsed(scheme === null ? undefined : schemes.get(scheme).params, input.scheme_params ?? {}, 'scheme_params')
  const settings = parsed(described.settings, input.settings ?? {}, 'settings')
  const issues = [...params.issues, ...settings.issues]
  if (issues.length > 0) throw invalidIn(issues)
  return { adapter, scheme, schemeParams: params.value, settings: settings.value }
}

type Parsed = { value: Record<string, unknown>; issues: { path: PropertyKey[]; message: string }[] }

function parsed(schema: z.ZodType<Record<string, unknown>> | undefined, value: Record<string, unknown>, member: string): Parsed {
  const result = (schema ?? z.strictObject({})).safeParse(value)
  if (result.success) return { value: result.data, issues: [] }
  return { value, issues: result.error.issues.map((issue) => ({ ...issue, path: [member, ...issue.path] })) }
}
