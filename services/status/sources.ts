import { createHash } from 'node:crypto'
import type { Source as WireSource, SourceInput } from '../../shared/contracts/api/source.ts'
import { createId, createSecret } from '../../shared/id.ts'
import { Problem, invalid } from '../../shared/problem.ts'
import type { Source } from '../../shared/storage/storage.ts'
import type { StatusDeps } from './deps.ts'
import { notFound } from './refuse.ts'
import { canSign, choosable } from './schemes.ts'
import { iso } from './shape.ts'

type Deps = Pick<StatusDeps, 'storage' | 'vault' | 'schemes' | 'adapters' | 'clock'>
const maxSecrets = 10

export const sourceOf = (source: Source): WireSource => ({
  id: source.id,
  name: source.name,
  adapter: source.adapter,
  scheme: source.scheme,
  secrets: source.secrets.map((sealed) => ({ id: secretId(sealed) })),
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
  check(input, deps)
  if (input.secret && !input.scheme) throw invalid([{ path: ['secret'], message: 'is of no use without a `scheme`' }])
  const id = createId()
  const now = deps.clock.now()
  const made = input.scheme && !input.secret ? madeFor(input.scheme, deps) : null
  const secret = input.secret ?? made
  const { name, adapter, scheme } = input
  const source: Source = {
    id,
    organizationId,
    name,
    adapter,
    scheme,
    secrets: secret ? [deps.vault.seal(secret, id)] : [],
    createdAt: now,
    updatedAt: now,
  }
  if (!(await deps.storage.sources.create(source))) {
    throw new Problem('conflict', `name: there is a source "${name}" already`, {
      errors: [{ field: 'name', message: 'is taken by another source' }],
    })
  }
  return { source, secret: made }
}

/** A scheme that is switched on needs a secret: one is made when the source has none. */
export async function patchSource(
  organizationId: string,
  name: string,
  patch: { adapter?: string | undefined; scheme?: string | null | undefined },
  deps: Deps,
): Promise<{ source: Source; secret: string | null }> {
  check(patch, deps)
  const found = await findSource(organizationId, name, deps)
  const made = patch.scheme && found.secrets.length === 0 ? madeFor(patch.scheme, deps) : null
  const source = await deps.storage.sources.update(
    organizationId,
    name,
    { ...patch, ...(made && { secrets: [deps.vault.seal(made, found.id)] }) },
    deps.clock.now(),
  )
  if (!source) throw notFound('source', name)
  return { source, secret: made }
}

export async function addSecret(
  organizationId: string,
  name: string,
  given: string | undefined,
  deps: Deps,
): Promise<{ source: Source; secret: string | null }> {
  const found = await findSource(organizationId, name, deps)
  if (found.secrets.length >= maxSecrets) throw new Problem('conflict', `a source may have ${maxSecrets} secrets; remove one first`)
  const made = given === undefined ? madeFor(found.scheme, deps) : null
  const secrets = [deps.vault.seal(given ?? (made as string), found.id), ...found.secrets]
  const source = await deps.storage.sources.update(organizationId, name, { secrets }, deps.clock.now())
  if (!source) throw notFound('source', name)
  return { source, secret: made }
}

export async function removeSecret(organizationId: string, name: string, id: string, deps: Deps): Promise<void> {
  const source = await findSource(organizationId, name, deps)
  const secrets = source.secrets.filter((sealed) => secretId(sealed) !== id)
  if (secrets.length === source.secrets.length) throw notFound('secret', id)
  if (secrets.length === 0 && source.scheme)
    throw new Problem('conflict', 'this is the only secret, and without one no request of the source verifies; add another first')
  await deps.storage.sources.update(organizationId, name, { secrets }, deps.clock.now())
}

/** Some schemes take secrets that only the source itself can give: a public key, the secret of an app. */
function madeFor(scheme: string | null, { schemes, clock }: Deps): string {
  const secret = createSecret()
  if (scheme && schemes.has(scheme) && !canSign(schemes.get(scheme), [secret], clock.now())) {
    throw invalid([{ path: ['secret'], message: `must be given: the scheme "${scheme}" takes one that the source has` }])
  }
  return secret
}

export async function findSource(organizationId: string, name: string, deps: Pick<Deps, 'storage'>): Promise<Source> {
  const source = await deps.storage.sources.find(organizationId, name)
  if (!source) throw notFound('source', name)
  return source
}

function check(
  { adapter, scheme }: { adapter?: string | undefined; scheme?: string | null | undefined },
  { adapters, schemes }: Deps,
): void {
  const errors: { path: PropertyKey[]; message: string }[] = []
  if (adapter !== undefined && !adapters.includes(adapter))
    errors.push({ path: ['adapter'], message: `must be one of ${adapters.join(', ')}` })
  if (scheme && !choosable(schemes).includes(scheme))
    errors.push({ path: ['scheme'], message: `must be null or one of ${choosable(schemes).join(', ')}` })
  if (errors.length > 0) throw invalid(errors)
}
