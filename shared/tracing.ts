import type { Logger } from './logger.ts'

export type Attributes = Record<string, string | number | boolean | undefined>
export type SpanStart = {
  name: 'accept' | 'fan-out' | 'deliver' | 'record'
  kind: 'server' | 'internal' | 'client' | 'consumer'
  /** Milliseconds: a step may be told of when it is over. */
  at: number
  /** A `traceparent`: what the span is a part of. Undefined begins a trace. */
  parent: string | undefined
  /** Others that it also serves. */
  links?: string[]
  attributes: Attributes
}
export type Span = {
  /** To be handed on: what follows from this step says that it does. */
  traceparent: string
  /** @param fault where it did not go well: what was wrong */
  end(at: number, attributes?: Attributes, fault?: string): void
}

/**
 * One trace from the request that brings an event to the request that delivers it. Its context travels as a W3C
 * `traceparent` in the event's envelope, so that it survives whatever the event survives, and no queue has to know of it.
 */
export type Tracing = {
  isOn: boolean
  /** Undefined while nobody wants to see traces: then nothing is made, and nothing of OpenTelemetry was loaded. */
  begin(start: SpanStart): Span | undefined
  /** Sends what is not sent yet. */
  stop(): Promise<void>
}

export const noTracing: Tracing = { isOn: false, begin: () => undefined, stop: async () => {} }

type Env = Record<string, string | undefined>

/** On by the variables that OpenTelemetry has for it, and by nothing else. */
export const isTraced = (env: Env): boolean =>
  env.OTEL_SDK_DISABLED?.toLowerCase() !== 'true' &&
  env.OTEL_TRACES_EXPORTER !== 'none' &&
  [env.OTEL_TRACES_EXPORTER, env.OTEL_EXPORTER_OTLP_ENDPOINT, env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT].some(Boolean)

/** @throws SettingsError where an exporter is asked for that is not here */
export async function startTracing(service: string, env: Env, log: Logger): Promise<Tracing> {
  if (!isTraced(env)) return noTracing
  const { openTelemetry } = await import('./tracing-otel.ts')
  return openTelemetry(service, env, log)
}

const wellFormed = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/

/** W3C Trace Context §3.2.2: what is malformed is as if it were not there. A later version may say more, which we do not hand on. */
export function readTraceparent(header: string | undefined): string | undefined {
  const [found, version, trace, parent] = wellFormed.exec(header ?? '') ?? []
  if (!found || version === 'ff' || /^0+$/.test(trace ?? '') || /^0+$/.test(parent ?? '')) return undefined
  if (header !== found && (version === '00' || header?.[found.length] !== '-')) return undefined
  return `00${found.slice(2)}`
}

/** For a line of the log, so that it is found from the trace and the trace from it. */
export const traceIdIn = (traceparent: string | undefined): { traceId: string } | undefined =>
  traceparent === undefined ? undefined : { traceId: traceparent.slice(3, 35) }
