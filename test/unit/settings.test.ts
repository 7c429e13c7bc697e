import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { dispatcherSettings } from '../../services/dispatcher/settings.ts'
import { ingestSettings } from '../../services/ingest/settings.ts'
import { statusSettings } from '../../services/status/settings.ts'
import { readSettings, SettingsError, variableName } from '../../shared/settings.ts'

const masterKey = Buffer.alloc(32, 7).toString('base64')
const least = { REDIS_URL: 'redis://127.0.0.1', DATABASE_URL: 'sqlite:data/tidings.db', MASTER_KEY: masterKey }
const folder = mkdtempSync(join(tmpdir(), 'tidings-settings-'))
afterAll(() => rmSync(folder, { recursive: true }))

function mistakesIn(env: Record<string, string>): string {
  try {
    readSettings(dispatcherSettings, env)
  } catch (error) {
    if (error instanceof SettingsError) return error.message
    throw error
  }
  return 'none'
}

describe('readSettings', () => {
  it('needs three variables and has a default for everything else', () => {
    expect(readSettings(dispatcherSettings, least)).toEqual({
      redisUrl: 'redis://127.0.0.1',
      redisPrefix: '{tidings}',
      deliveryShards: 1,
      databaseUrl: 'sqlite:data/tidings.db',
      masterKey,
      logLevel: 'info',
      host: '127.0.0.1',
      allowedAddresses: [],
      allowedPorts: [80, 443, 8080, 8443],
      breakerFailures: 5,
      breakerOpenMs: 10_000,
      concurrency: 50,
      lockMs: 15_000,
      stalledMs: 5_000,
      drainMs: 5_000,
    })
    expect(readSettings(ingestSettings, least)).toMatchObject({ port: 8400, eventMaxBytes: 262_144, signatureToleranceSeconds: 300 })
    expect(readSettings(statusSettings, least)).toMatchObject({ port: 8400, queuesWritable: false })
  })

  it('reads numbers, lists and flags', () => {
    const env = { ...least, CONCURRENCY: '8', ALLOWED_ADDRESSES: '10.0.0.0/8, fd00::/8 ,', QUEUES_WRITABLE: 'true' }

    expect(readSettings(dispatcherSettings, env)).toMatchObject({ concurrency: 8, allowedAddresses: ['10.0.0.0/8', 'fd00::/8'] })
    expect(readSettings(statusSettings, env)).toMatchObject({ queuesWritable: true })
  })

  it('takes an empty variable for one that is not set', () => {
    expect(readSettings(dispatcherSettings, { ...least, CONCURRENCY: '', LOG_LEVEL: '' })).toMatchObject({
      breakerFailures: 5,
      breakerOpenMs: 10_000,
      concurrency: 50,
      logLevel: 'info',
    })
  })

  it('ignores variables that it does not know', () => {
    expect(readSettings(dispatcherSettings, { ...least, HOME: '/root' })).not.toHaveProperty('home')
  })

  it('reads a value from the file that X_FILE names, without the line feed at its end', () => {
    const file = join(folder, 'master-key')
    writeFileSync(file, `${masterKey}\n`)
    const { MASTER_KEY: _, ...rest } = least

    expect(readSettings(dispatcherSettings, { ...rest, MASTER_KEY_FILE: file }).masterKey).toBe(masterKey)
  })

  it('prefers the file to the variable, which other processes can see', () => {
    const file = join(folder, 'prefix')
    writeFileSync(file, '{file}')

    expect(readSettings(dispatcherSettings, { ...least, REDIS_PREFIX: '{variable}', REDIS_PREFIX_FILE: file }).redisPrefix).toBe('{file}')
  })

  it('names every variable that is wrong at once', () => {
    const mistakes = mistakesIn({ REDIS_URL: 'redis://127.0.0.1', CONCURRENCY: 'many', LOCK_MS: '1', LOG_LEVEL: 'loud' })

    for (const name of ['DATABASE_URL', 'MASTER_KEY', 'CONCURRENCY', 'LOCK_MS', 'LOG_LEVEL']) expect(mistakes).toContain(`  ${name}: `)
    expect(mistakes).not.toContain('REDIS_URL')
  })

  it.each([
    ['MASTER_KEY', Buffer.alloc(31, 7).toString('base64'), 'must be 32 bytes in base64'],
    ['REDIS_PREFIX', 'tidings', 'must be a hash tag'],
    ['ALLOWED_ADDRESSES', '10.0.0.1', 'must be CIDRs'],
    ['CONCURRENCY', '0', ''],
    ['CONCURRENCY', '1.5', ''],
    ['CONCURRENCY', '1001', ''],
    ['PORT', '70000', ''],
  ])('refuses %s=%s', (name, value, reason) => {
    expect(mistakesIn({ ...least, [name]: value })).toContain(`${name}: ${reason}`)
  })

  it('does not show a wrong secret', () => {
    expect(mistakesIn({ ...least, MASTER_KEY: 'hunter2hunter2' })).not.toContain('hunter2')
  })
})

describe('variableName', () => {
  it.each([
    ['redisUrl', 'REDIS_URL'],
    ['port', 'PORT'],
    ['eventMaxBytes', 'EVENT_MAX_BYTES'],
  ])('%s is %s', (key, name) => {
    expect(variableName(key)).toBe(name)
  })
})
