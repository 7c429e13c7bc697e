import { createRandom, type Random } from '../../infra/demo/random.ts'
import type { Scheme, VerifyInput } from '../../shared/signing/scheme.ts'
import { loadSchemes, setupsOf, type SchemeSetup } from '../support/samples.ts'
import { bytesOf, maybe, uuidOf } from './chance.ts'

/** A forged request that verified, or a true one that did not. */
export type Finding = { number: number; scheme: string; mutation: string; headers: Record<string, string | undefined>; reason?: string }
export type SignatureReport = { ok: boolean; seed: number; cases: number; falseAccepts: number; falseRejects: number; findings: Finding[] }

type Subject = { scheme: Scheme; setup: SchemeSetup; secret: string; former: string; stranger: string }
type Made = { mutation: string; input: Partial<VerifyInput>; valid: boolean }
type Headers = Record<string, string>

const toleranceSeconds = 300

export type SignatureOptions = { cases: number; seed: number /** All there are, when left out. */; schemes?: Scheme[] }

/** Signs and verifies with every scheme there is, and breaks every second request in some way. */
export async function fuzzSignatures({ cases, seed, schemes }: SignatureOptions): Promise<SignatureReport> {
  const subjects = (schemes ?? (await loadSchemes()).all().filter(({ unsigned }) => !unsigned)).flatMap((scheme) =>
    setupsOf(scheme.name).map((setup) => subjectOf(scheme, setup)),
  )
  const report: SignatureReport = { ok: true, seed, cases, falseAccepts: 0, falseRejects: 0, findings: [] }
  for (let number = 0; number < cases; number++) {
    const random = createRandom((seed * 1_000_003 + number) >>> 0)
    const subject = subjects[number % subjects.length] as Subject
    const { mutation, input, valid } = createCase(subject, random)
    const verdict = subject.scheme.verify(input as VerifyInput)
    if (verdict.valid === valid) continue
    if (verdict.valid) report.falseAccepts++
    else report.falseRejects++
    const reason = verdict.valid ? {} : { reason: verdict.reason }
    if (report.findings.length < 20)
      report.findings.push({ number, scheme: subject.scheme.name, mutation, headers: input.headers ?? {}, ...reason })
  }
  return { ...report, ok: report.falseAccepts + report.falseRejects === 0 }
}

function subjectOf(scheme: Scheme, setup: SchemeSetup): Subject {
  return { scheme, setup, secret: setup.createSecret(), former: setup.createSecret(), stranger: setup.createSecret() }
}

function createCase({ scheme, setup, secret, former, stranger }: Subject, random: Random): Made {
  const now = 1_776_243_603_000 + random.between(0, 999)
  const body = bodyOf(random, setup.refusesEmptyBody ?? false)
  const set = {
    ...(setup.method && { method: setup.method }),
    ...(setup.url && { url: setup.url }),
    ...(scheme.params && { params: scheme.params.parse(setup.params ?? {}) }),
  }
  const id = uuidOf(random)
  const sign = (secrets: string[], at = now): Headers => scheme.sign({ id, now: at, body, secrets, ...set })
  const input = (headers: VerifyInput['headers'], more: Partial<VerifyInput> = {}): Partial<VerifyInput> => ({
    headers,
    body,
    secrets: [secret],
    now,
    toleranceSeconds,
    ...set,
    ...more,
  })
  const headers = sign([secret])
  const isToken = Object.values(headers).some((value) => value.includes(secret))
  const isTimed = JSON.stringify(headers) !== JSON.stringify(sign([secret], now + 3_600_000))
  const signsSeveral = JSON.stringify(sign([stranger, secret])) !== JSON.stringify(sign([stranger]))
  const age = () => {
    const seconds = maybe(random, 0.5) ? random.pick([-301, -300, -299, 299, 300, 301]) : random.between(-700, 700)
    const isPast = seconds >= 0
    return {
      seconds,
      valid: !isTimed || (isPast ? seconds <= toleranceSeconds : setup.takesFuture === true || -seconds <= toleranceSeconds),
    }
  }

  switch (
    random.pick(['true', 'rotated', 'aged', 'several', 'expired', 'body', 'body', 'header', 'header', 'header', 'missing', 'replaced'])
  ) {
    case 'true':
      return { mutation: 'none', input: input(headers), valid: true }
    case 'rotated':
      return {
        mutation: 'signed with the former secret, in force',
        input: input(sign([former]), { secrets: [secret, former] }),
        valid: true,
      }
    case 'expired':
      return { mutation: 'signed with the former secret, expired', input: input(sign([former]), { secrets: [secret] }), valid: false }
    case 'several':
      return { mutation: 'two signatures, the second ours', input: input(sign([stranger, secret])), valid: signsSeveral }
    case 'aged': {
      const { seconds, valid } = age()
      return { mutation: `aged ${seconds} s`, input: input(headers, { now: now + seconds * 1_000 }), valid }
    }
    case 'body': {
      if (isToken)
        return { mutation: 'another body, under a token', input: input(headers, { body: otherBytes(body, random) }), valid: true }
      return { mutation: 'another body', input: input(headers, { body: otherBytes(body, random) }), valid: false }
    }
    case 'missing': {
      const name = random.pick(Object.keys(headers))
      return { mutation: `${name} is missing`, input: input({ ...headers, [name]: random.pick([undefined, '']) }), valid: false }
    }
    case 'replaced': {
      const name = random.pick(Object.keys(headers))
      const others = sign([stranger])[name] as string
      const isShared = others === headers[name]
      return { mutation: `${name} of another`, input: input({ ...headers, [name]: others }), valid: isShared }
    }
    default: {
      const name = random.pick(Object.keys(headers))
      const value = headers[name] as string
      const changed = otherText(value, random)
      return { mutation: `${name} changed`, input: input({ ...headers, [name]: changed }), valid: changed === value }
    }
  }
}

function bodyOf(random: Random, needsOne: boolean): Buffer {
  const kind = random.next()
  if (kind < 0.05 && !needsOne) return Buffer.alloc(0)
  if (kind < 0.5)
    return Buffer.from(
      JSON.stringify({ id: uuidOf(random), text: random.pick(['Größe', '👩‍👩‍👧‍👦', '\ud800', 'a.b', '{}']), rows: random.next() }),
    )
  return bytesOf(random, random.between(1, random.pick([10, 300, 3_000])))
}

function otherBytes(body: Buffer, random: Random): Buffer {
  const way = body.length === 0 ? 1 : random.next()
  const at = random.between(0, Math.max(0, body.length - 1))
  if (way < 0.5) {
    const flipped = Buffer.from(body)
    flipped[at] = (flipped[at] as number) ^ (1 << random.between(0, 7))
    return flipped
  }
  if (way < 0.7 && body.length > 0) return body.subarray(0, at)
  return Buffer.concat([body.subarray(0, at), bytesOf(random, random.between(1, 3)), body.subarray(at)].filter((part) => part.length > 0))
}

/** Never the same signature in another dress that a sender could have meant: each of these must be refused. */
function otherText(value: string, random: Random): string {
  const at = random.between(0, value.length - 1)
  const last = value.search(/[0-9A-Za-z+/=_-]+$/)
  const tail = value.slice(last)
  switch (random.pick(['flip', 'flip', 'cut', 'double', 'upper', 'prefix', 'encoding', 'length', 'noise', 'bare'])) {
    case 'flip':
      return value.slice(0, at) + String.fromCharCode(value.charCodeAt(at) ^ (1 << random.between(0, 6))) + value.slice(at + 1)
    case 'cut':
      return value.slice(0, at)
    case 'double':
      return value.slice(0, last) + tail + tail
    case 'upper':
      return value.slice(0, last) + (/[a-z]/.test(tail) ? tail.toUpperCase() : tail.toLowerCase())
    case 'prefix':
      return value.replace(
        /^(sha256=|sha1=|v0=|v1,|v1a,|v9:|t=)/,
        random.pick(['', 'sha1=', 'sha512=', 'none=', 'v2,', 'md5=', 'HS256=', 'v0=']),
      )
    case 'encoding':
      return (
        value.slice(0, last) +
        Buffer.from(tail, /^[0-9a-f]+$/.test(tail) ? 'hex' : 'base64').toString(random.pick(['hex', 'base64', 'base64url']))
      )
    case 'length':
      return value.slice(0, last) + tail.padEnd(random.pick([1, 64, 65, 128, 4_096]), random.pick(['=', '0', 'A', '\0']))
    case 'noise':
      return bytesOf(random, random.between(1, 80)).toString('latin1')
    default:
      return value.slice(0, last)
  }
}
