import { diag, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type SpanContext } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, ConsoleSpanExporter, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import type { Logger } from './logger.ts'
import { SettingsError } from './settings.ts'
import type { Span, SpanStart, Tracing } from './tracing.ts'

type Env = Record<string, string | undefined>

/** A collector that is away must not keep a process from ending. */
const flushMs = 2_000
const complainEveryMs = 60_000

const kinds = { server: SpanKind.SERVER, internal: SpanKind.INTERNAL, client: SpanKind.CLIENT, consumer: SpanKind.CONSUMER }

/**
 * The one file that knows OpenTelemetry, loaded only when traces are wanted. Each service of a process has a provider
 * of its own and none is registered: contexts are handed on in the open, and nothing follows calls in secret. Sampler,
 * batches, endpoint, headers and limits are what the `OTEL_*` variables say, read by the library.
 */
export function openTelemetry(service: string, env: Env, log: Logger): Tracing {
  complainTo(log)
  const named = resourceFromAttributes({ 'service.name': `tidings-${service}`, 'service.namespace': 'tidings' })
  const provider = new NodeTracerProvider({
    resource: named.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporterOf(env))],
  })
  const tracer = provider.getTracer('tidings')

  return {
    isOn: true,
    begin({ name, kind, at, parent, links = [], attributes }: SpanStart): Span {
      const context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, contextOf(parent))
      const options = { kind: kinds[kind], startTime: at, attributes, links: links.map((link) => ({ context: contextOf(link) })) }
      const span = tracer.startSpan(name, options, context)
      return {
        traceparent: textOf(span.spanContext()),
        end(endedAt, more = {}, fault) {
          span.setAttributes(more)
          if (fault !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: fault })
          span.end(endedAt)
        },
      }
    },
    async stop() {
      const giveUp = new Promise<void>((resolve) => setTimeout(resolve, flushMs).unref())
      await Promise.race([provider.shutdown().catch(() => {}), giveUp])
    },
  }
}

function exporterOf(env: Env): OTLPTraceExporter | ConsoleSpanExporter {
  const wanted = env.OTEL_TRACES_EXPORTER || 'otlp'
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL
  if (wanted === 'console') return new ConsoleSpanExporter()
  if (wanted !== 'otlp') throw new SettingsError(`these settings cannot be used:\n  OTEL_TRACES_EXPORTER: must be otlp, console or none`)
  if (protocol === 'grpc')
    throw new SettingsError(
      'these settings cannot be used:\n  OTEL_EXPORTER_OTLP_PROTOCOL: traces are sent as http/json; a collector takes it at port 4318',
    )
  return new OTLPTraceExporter()
}

function complainTo(log: Logger): void {
  let quietUntil = 0
  const complain = (message: string) => {
    if (performance.now() < quietUntil) return
    quietUntil = performance.now() + complainEveryMs
    log.warn({ reason: message.slice(0, 300) }, 'traces are not taken')
  }
  const silent = () => {}
  diag.setLogger(
    { error: complain, warn: silent, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  )
}

/** Of a text that `readTraceparent` has let through. */
function contextOf(traceparent: string): SpanContext {
  const [, traceId = '', spanId = '', flags = '00'] = traceparent.split('-')
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
}

const textOf = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
