import type { Lookup } from '../../shared/contracts/lookup.ts'
import { invalid } from '../../shared/problem.ts'
import type { Vault } from '../../shared/secrets.ts'
import type { SealedLookup } from '../../shared/storage/storage.ts'
import type { StatusDeps } from './deps.ts'
import { hidden } from './shape.ts'

/** As a patch gives it: headers that are left out, or a value that is hidden, stay as they are. */
export type LookupInput = Omit<Lookup, 'headers'> & { headers?: Lookup['headers'] | undefined }

const headersOf = (lookup: SealedLookup | undefined, owner: string, vault: Vault): Record<string, string> =>
  lookup?.headers ? (JSON.parse(vault.open(lookup.headers, owner)) as Record<string, string>) : {}

/** @throws Problem where the URL leads to an address that is not allowed, whatever stands in its placeholders */
export function sealedLookup(
  { headers: given, ...lookup }: LookupInput,
  before: SealedLookup | undefined,
  owner: string,
  { vault, policy }: Pick<StatusDeps, 'vault' | 'policy'>,
): SealedLookup {
  const checked = policy.checkUrl(lookup.url.replace(/\{[^{}]*\}/g, 'x'))
  if (!checked.ok) throw invalid([{ path: ['lookup', 'url'], message: checked.reason }])
  const known = headersOf(before, owner, vault)
  const headers = Object.fromEntries(
    Object.entries(given ?? known).map(([name, value]) => [name, value === hidden ? (known[name] ?? value) : value]),
  )
  return { ...lookup, headers: Object.keys(headers).length > 0 ? vault.seal(JSON.stringify(headers), owner) : null }
}

export const shownLookup = (lookup: SealedLookup, owner: string, vault: Vault): Lookup => ({
  ...lookup,
  headers: Object.fromEntries(Object.keys(headersOf(lookup, owner, vault)).map((name) => [name, hidden])),
})
