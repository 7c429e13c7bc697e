import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { createLogger } from '../../shared/logger.ts'
import { SettingsError } from '../../shared/settings.ts'
import { isTraced, noTracing, readTraceparent, startTracing, traceIdIn } from '../../shared/tracing.ts'

const trace = '0af7651916cd43dd8448eb211c80319c'
const parent = 'b7ad6b7169203331'
const log = createLogger('test', 'silent')

describe('readTraceparent (W3C Trace Context §3.2)', () => {
  it.each([
    [`00-${trace}-${parent}-01`, `00-${trace}-${parent}-01`],
    [`00-${trace}-${parent}-00`, `00-${trace}-${parent}-00`],
    [`cc-${trace}-${parent}-01-what-the-future-will-be-like`, `00-${trace}-${parent}-01`],
    [`cc-${trace}-${parent}-01.what-the-future-will-be-like`, undefined],
    [`00-${trace}-${parent}-01-more`, undefined],
    [`ff-${trace}-${parent}-01`, undefined],
    [`00-${'0'.repeat(32)}-${parent}-01`, undefined],
    [`00-${trace}-${'0'.repeat(16)}-01`, undefined],
    [`00-${trace.toUpperCase()}-${parent}-01`, undefined],
    [`00-${trace.slice(1)}-${parent}-01`, undefined],
    ['"><svg/onload=alert(1)>', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%s: %s', (header, read) => {
    expect(readTraceparent(header)).toBe(read)
  })

  it('names the trace for the log', () => {
    expect([traceIdIn(`00-${trace}-${parent}-01`), traceIdIn(undefined)]).toEqual([{ traceId: trace }, undefined])
  })
})

describe('tracing', () => {
  it.each([
    [{}, false],
    [{ OTEL_SERVICE_NAME: 'x' }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' }, true],
    [{ OTEL_TRACES_EXPORTER: 'console' }, true],
    [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }, false],
    [{ OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }, false],
  ])('with %j is on: %s', (env, isOn) => {
    expect(isTraced(env)).toBe(isOn)
  })

  it('that is off is nothing at all, and loads nothing of OpenTelemetry', async () => {
    const loaded = () => Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes('@opentelemetry'))

    expect(await startTracing('x', {}, log)).toBe(noTracing)
    expect(loaded()).toEqual([])

    const tracing = await startTracing('x', { OTEL_TRACES_EXPORTER: 'console' }, log)
    expect(loaded()).not.toEqual([])
    await tracing.stop()
  })

  it.each([
    [{ OTEL_TRACES_EXPORTER: 'zipkin' }, 'OTEL_TRACES_EXPORTER'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'OTEL_EXPORTER_OTLP_PROTOCOL'],
  ])('refuses %j, and names the variable', async (env, name) => {
    const refused = await startTracing('x', env, log).catch((error: unknown) => error)

    expect(refused).toBeInstanceOf(SettingsError)
    expect(String(refused)).toContain(name)
  })
})
