import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Scheme } from '../../shared/signing/scheme.ts'
import { fuzzSignatures } from '../fuzz/signatures.ts'
import { loadSchemes } from '../support/samples.ts'

describe('2,000 requests, true and forged, over every scheme', () => {
  it('are told apart without one mistake', async () => {
    expect(await fuzzSignatures({ cases: 2_000, seed: 1 })).toMatchObject({ falseAccepts: 0, falseRejects: 0, findings: [] })
  })

  it.each<[string, Partial<Scheme>, 'falseAccepts' | 'falseRejects']>([
    ['takes everything', { verify: () => ({ valid: true }) }, 'falseAccepts'],
    ['takes nothing', { verify: () => ({ valid: false, reason: 'no', kind: 'signature' }) }, 'falseRejects'],
  ])('find out a scheme that %s', async (_, changed, figure) => {
    const scheme = { ...(await loadSchemes()).get('ptolemy'), ...changed }

    expect((await fuzzSignatures({ cases: 200, seed: 1, schemes: [scheme] }))[figure]).toBeGreaterThan(50)
  })

  it('find out a scheme that does not look at the time, or at the body', async () => {
    const { verify, ...scheme } = (await loadSchemes()).get('foundry')
    const timeless: Scheme = { ...scheme, verify: (input) => verify({ ...input, toleranceSeconds: 86_400 }) }
    const sloppy: Scheme = {
      ...scheme,
      sign: (input) => scheme.sign({ ...input, body: Buffer.alloc(0) }),
      verify: (input) => verify({ ...input, body: Buffer.alloc(0) }),
    }

    for (const changed of [timeless, sloppy])
      expect((await fuzzSignatures({ cases: 400, seed: 1, schemes: [changed] })).falseAccepts).toBeGreaterThan(10)
  })
})

/** Two things that are both not written out: one may be what was sent, the other what should have been. */
const comparison =
  /([\w.\])!]+)\s*(?:===?|!==?)\s*(?!undefined|null|true|false|\d|['"`]|typeof|\()([\w.]+)|\.equals\(|Buffer\.compare\(|localeCompare\(/g
/** Looked at one by one: lengths, kinds and names, none of which is a secret. */
const harmless = [
  'a.length === b.length',
  'left.length === right.length',
  // objects of an expression, after texts and bytes were compared in constant time
  'left === right',
  'scope)) !== node.negated',
  // names: of headers, of an issuer; and the text of an expression, which is evaluated and not compared here
  'header !== timestamp_header',
  'iss === issuer',
  'header] == b64encode',
]

describe('signatures', () => {
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  const code = ['shared', 'services'].flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => `${folder}/${path}`),
  )
  const read = (path: string) => readFileSync(`${root}${path}`, 'utf8')
  const makers = code.filter((path) => /createHmac\(|hmacSha256\(|signing\/mac\.ts|'\.\.?\/mac\.ts'/.test(read(path)))

  it('are compared by nothing but timingSafeEqual, wherever they are made', () => {
    expect(makers.length).toBeGreaterThan(10)
    const suspicious = makers.flatMap((path) =>
      [...read(path).matchAll(comparison)]
        .map(([text]) => text)
        .filter((text) => !harmless.includes(text))
        .map((text) => `${path}: ${text}`),
    )
    expect(suspicious).toEqual([])
  })

  it('are found by this check when they are not', () => {
    for (const line of ['if (given === expected) return', 'return a.equals(b)', 'mac !== header.value'])
      expect([...line.matchAll(comparison)].length, line).toBe(1)
  })
})
