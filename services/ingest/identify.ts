import { BlockList, isIP } from 'node:net'
import type { Clock } from '../../shared/clock.ts'
import type { Authenticate } from '../../shared/http/authenticate.ts'
import type { Logger } from '../../shared/logger.ts'
import { Problem } from '../../shared/problem.ts'
import type { Registry } from '../../shared/registry.ts'
import type { Vault } from '../../shared/secrets.ts'
import type { Scheme, Verdict } from '../../shared/signing/scheme.ts'
import type { Source, Storage } from '../../shared/storage/storage.ts'
import type { IngestSettings } from './settings.ts'
import { isValidated, validate } from './sesam/validate.ts'
import type { SourceRequest } from './source.ts'

export type IdentifyDeps = {
  storage: Pick<Storage, 'sources'>
  schemes: Registry<Scheme>
  vault: Vault
  authenticate: Authenticate
  settings: IngestSettings
  clock: Clock
  log: Logger
}

/** Of a request, what says whose it is. Either a name is in the path, or the path belongs to one kind of catalog. */
export type Claim = { name: string } | { adapter: string }

/** A signature, or whatever stands for one, was looked at and found wanting. */
export class Refused extends Problem {
  readonly kind: Extract<Verdict, { valid: false }>['kind']
  /** Whom it claimed to be of, and whose words it is to be told in. */
  readonly source: Source
  constructor({ reason, kind }: Extract<Verdict, { valid: false }>, source: Source) {
    super('bad_signature', reason)
    this.kind = kind
    this.source = source
  }
}

/**
 * Whose request is this, and is it really theirs? With an API key, the source is one of the key's organization; and a
 * source that signs must have signed all the same. Without a key, the signature alone decides. A source that can do
 * neither is taken only from addresses that the operator has named.
 */
export async function identify(claim: Claim, request: SourceRequest, deps: IdentifyDeps): Promise<Source> {
  const candidates = request.apiKey
    ? await ofOrganization(claim, request.apiKey, deps)
    : (await anybodys(claim, deps)).filter((source) => proves(source) || isTrusted(request.remoteAddress, deps))
  if (candidates.length === 0) throw nobody(claim, request)

  // Several only where a path names the kind of catalog and no more: then it is the one whose signature verifies.
  const verdicts = candidates.map((source) => verify(source, request, deps))
  const found = verdicts.findIndex(({ valid }) => valid)
  if (found >= 0) return candidates[found] as Source
  const [source] = candidates as [Source]
  const verdict = verdicts[0] as Extract<Verdict, { valid: false }>
  deps.log.warn({ source: source.name, reason: verdict.reason }, 'signature refused')
  throw new Refused(verdict, source)
}

async function ofOrganization(claim: Claim, apiKey: string, deps: IdentifyDeps): Promise<Source[]> {
  const { organizationId } = await deps.authenticate.key(apiKey, 'ingest')
  if ('name' in claim) {
    const source = await deps.storage.sources.find(organizationId, claim.name)
    return source ? [source] : []
  }
  return (await deps.storage.sources.list(organizationId)).filter(({ adapter }) => adapter === claim.adapter).slice(0, mostCandidates)
}

async function anybodys(claim: Claim, { storage }: IdentifyDeps): Promise<Source[]> {
  if ('adapter' in claim) return storage.sources.ofAdapter(claim.adapter, mostCandidates)
  const source = await storage.sources.locate(claim.name)
  return source ? [source] : []
}
/** Each costs a signature: beyond this, a catalog has to use the path with its source's name. */
const mostCandidates = 20

const proves = (source: Source): boolean => source.scheme !== null || isValidated(source)

function isTrusted(address: string | undefined, { settings }: IdentifyDeps): boolean {
  const family = isIP(address ?? '')
  if (family === 0) return false
  const trusted = new BlockList()
  for (const cidr of settings.trustedSenders) {
    const [network = '', bits] = cidr.split('/')
    trusted.addSubnet(network, Number(bits), isIP(network) === 4 ? 'ipv4' : 'ipv6')
  }
  return trusted.check(address as string, family === 4 ? 'ipv4' : 'ipv6')
}

function nobody(claim: Claim, { apiKey }: SourceRequest): Problem {
  if (!apiKey) return new Problem('unauthenticated', 'send an API key, or sign the request with the scheme of a registered source')
  return new Problem(
    'not_found',
    'name' in claim ? `there is no source "${claim.name}"` : `there is no source with the adapter "${claim.adapter}"`,
  )
}

/** Over the raw bytes, before anything is parsed. */
function verify(source: Source, request: SourceRequest, { vault, schemes, settings, clock }: IdentifyDeps): Verdict {
  const secrets = source.secrets.map((sealed) => vault.open(sealed, source.id))
  if (isValidated(source)) {
    const named = source.namedSecrets.map(({ name, sealed }) => ({ name, value: vault.open(sealed, source.id) }))
    return validate(source, request, { own: secrets, named }, clock.now())
  }
  if (!source.scheme) return { valid: true }
  const { headers, body, method, url } = request
  const toleranceSeconds = settings.signatureToleranceSeconds
  return schemes
    .get(source.scheme)
    .verify({ headers, body, method, url, secrets, params: source.schemeParams, now: clock.now(), toleranceSeconds })
}
