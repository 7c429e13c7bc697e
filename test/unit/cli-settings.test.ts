import { describe, expect, it } from 'vitest'
import { checkSettings, distance, unknownVariables } from '../../infra/cli/common/settings-check.ts'

describe('config check', () => {
  it('has nothing to say of an empty environment that npm start fills', () => {
    expect(checkSettings(['start'], {})).toEqual([])
  })

  it('says what a service alone lacks', () => {
    expect(checkSettings(['dispatcher'], {}).map(({ variable, state }) => [variable, state])).toEqual([
      ['REDIS_URL', 'missing'],
      ['DATABASE_URL', 'missing'],
      ['MASTER_KEY', 'missing'],
    ])
  })

  it('names each wrong variable once, with its meaning, who reads it, and no value', () => {
    const env = { PORT: 'eighty', MASTER_KEY: 'short-secret', CONCURRENCY: '0', ALLOWED_ADDRESSES: 'everything' }
    const findings = checkSettings(['start', 'ingest'], env)

    expect(findings.map(({ variable, read_by }) => [variable, read_by])).toEqual([
      ['PORT', ['npm start', 'ingest']],
      ['MASTER_KEY', ['npm start', 'ingest', 'dispatcher', 'status']],
      ['REDIS_URL', ['ingest']],
      ['DATABASE_URL', ['ingest']],
      ['ALLOWED_ADDRESSES', ['ingest', 'dispatcher', 'status']],
      ['CONCURRENCY', ['dispatcher']],
    ])
    expect(findings[0]).toMatchObject({ state: 'wrong', problem: 'must be a number', meaning: expect.stringMatching(/Port/) as string })
    expect(JSON.stringify(findings)).not.toMatch(/eighty|short-secret|everything/)
  })

  it('says that a file cannot be read', () => {
    expect(checkSettings(['start'], { MASTER_KEY_FILE: '/nowhere/master.key' })).toMatchObject([
      { variable: 'MASTER_KEY_FILE', problem: 'the file cannot be read (ENOENT)' },
    ])
  })

  it('names what nobody reads: all of a file, and what was misspelt in the environment', () => {
    const found = unknownVariables(
      ['FOO', 'PORT', 'REDIS_ULR', 'MASTER_KEY_FILE'],
      ['HOME', 'DISPATCHER', 'LOG_LEVLE', 'NODE_ENV', 'PORTS'],
    )
    expect(found.map(({ variable, problem }) => [variable, problem])).toEqual([
      ['FOO', 'nothing reads it'],
      ['REDIS_ULR', 'nothing reads it; is REDIS_URL meant?'],
      ['DISPATCHER', 'nothing reads it; is DISPATCHERS meant?'],
      ['LOG_LEVLE', 'nothing reads it; is LOG_LEVEL meant?'],
    ])
  })

  it.each([
    ['abc', 'abc', 0],
    ['abc', 'acb', 1],
    ['abc', 'ab', 1],
    ['abc', 'xbcd', 2],
    ['', 'abc', 3],
  ])('takes %s and %s to differ by %i', (a, b, n) => {
    expect(distance(a, b)).toBe(n)
  })
})
