import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** What a value of one label or of several is counted in. Keep it where it is used often: finding it is most of the work. */
export type Count = { add(amount?: number): void }
export type Timing = { observe(seconds: number): void }
export type Reading = { value: number; labels?: Record<string, string> }

/**
 * What one service tells of itself in the format of Prometheus. The only file that knows the library: with a later Node
 * it is replaced by its successor here.
 */
export type Metrics = {
  /** A name that is there already is the same counter; likewise below. */
  counter(name: string, help: string, labels?: string[]): (...values: string[]) => Count
  histogram(name: string, help: string, buckets: number[], labels?: string[]): (...values: string[]) => Timing
  /** Read when somebody asks. What cannot be read now is left out, and shows as a gap. */
  gauge(name: string, help: string, labels: string[], read: () => Reading[] | Promise<Reading[]>): void
  /** Metrics that somebody else has written in the same format; given the labels that ours have. */
  foreign(write: (labels: Record<string, string>) => Promise<string>): void
  /** CPU, memory, event loop, garbage: for one service of each process. */
  watchProcess(): void
  /** @param process the name of the process, where several services share one or several processes are one service */
  text(process?: string): Promise<string>
}

export const metricsType = Registry.PROMETHEUS_CONTENT_TYPE

export function createMetrics(service: string): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const counters = new Map<string, (...values: string[]) => Count>()
  const timings = new Map<string, (...values: string[]) => Timing>()
  const foreigners: ((labels: Record<string, string>) => Promise<string>)[] = []

  return {
    counter: (name, help, labelNames = []) =>
      once(counters, name, () => {
        const counter = new Counter({ name, help, labelNames, registers })
        return remembered((values) => {
          const child = counter.labels(...values)
          // from now on there is a 0 to rise from: a first fault is seen as a rise too
          child.inc(0)
          return { add: (amount = 1) => child.inc(amount) }
        })
      }),
    histogram: (name, help, buckets, labelNames = []) =>
      once(timings, name, () => {
        const histogram = new Histogram({ name, help, buckets, labelNames, registers })
        return remembered((values) => {
          histogram.zero(Object.fromEntries(labelNames.map((label, i) => [label, values[i] ?? ''])))
          return histogram.labels(...values)
        })
      }),
    gauge(name, help, labelNames, read) {
      new Gauge({
        name,
        help,
        labelNames,
        registers,
        async collect() {
          const readings = await inTime(async () => read()).catch(() => [])
          this.reset()
          // without labels the library makes a 0 of what is not known
          if (readings.length === 0 && labelNames.length === 0) this.remove()
          for (const { labels = {}, value } of readings) this.set(labels, value)
        },
      })
    },
    foreign: (write) => void foreigners.push(write),
    watchProcess: () => collectDefaultMetrics({ register: registry }),
    async text(process = service) {
      const labels = { service, process }
      registry.setDefaultLabels(labels)
      return joinMetrics(await Promise.all([registry.metrics(), ...foreigners.map((write) => inTime(() => write(labels)).catch(() => ''))]))
    },
  }
}

/** Whoever asks gives up after some seconds, and an outage is when the rest of the answer is wanted most. */
const readWithinMs = 1_000

async function inTime<T>(read: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('not known in time')), readWithinMs)
  })
  return Promise.race([read(), late]).finally(() => clearTimeout(timer))
}

function once<K, T>(known: Map<K, T>, key: K, make: () => T): T {
  const one = known.get(key) ?? make()
  known.set(key, one)
  return one
}

function remembered<T>(make: (values: string[]) => T): (...values: string[]) => T {
  const children = new Map<string, T>()
  return (...values) => once(children, values.join('\n'), () => make(values))
}

/** One text of several: what belongs to one name must stand together, under one heading. */
export function joinMetrics(texts: string[]): string {
  const families = new Map<string, string[]>()
  for (const text of texts) {
    let family: string[] = []
    let isNew = false
    for (const line of text.split('\n')) {
      const [, keyword, name = ''] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? []
      if (keyword === 'HELP') {
        isNew = !families.has(name)
        family = families.get(name) ?? []
        families.set(name, family)
      }
      if (line !== '' && (!keyword || isNew)) family.push(line)
    }
  }
  return `${[...families.values()].flat().join('\n')}\n`
}

/** For what costs something to find out: asked again within the time, it says the same again. */
export function atMostEvery<T>(ms: number, read: () => Promise<T>): () => Promise<T> {
  let known: Promise<T> | undefined
  let readAt = 0
  return () => {
    if (known && performance.now() - readAt < ms) return known
    readAt = performance.now()
    return (known = read())
  }
}

/** Each dependency of a service, as its readiness has it. */
export function tellDependencies(metrics: Metrics, states: () => Promise<Record<string, string>>): void {
  const ask = atMostEvery(5_000, states)
  metrics.gauge(
    'tidings_dependency_up',
    'Whether what the process needs is well: 1, or 0 with the reason at /readyz.',
    ['dependency'],
    async () => Object.entries(await ask()).map(([dependency, state]) => ({ value: state === 'ok' ? 1 : 0, labels: { dependency } })),
  )
}

const stageBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 21_600]

/** The way of an event, stage by stage; each is measured by the service in whose hands it ends. */
export const stageTimings = (metrics: Metrics) =>
  metrics.histogram(
    'tidings_stage_seconds',
    'How long: accept, the commit to disk; fan_out, from acceptance to all jobs made; queue, from a job made to taken; attempt, one request; record, from its end to the log; delivered, from acceptance to success.',
    stageBuckets,
    ['stage'],
  )
