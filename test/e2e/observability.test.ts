import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { anEvent } from '../support/builders.ts'
import { useSystem } from '../support/consumers.ts'
import { eventually } from '../support/eventually.ts'
import { samplesOf, valueOf, type Sample } from '../support/exposition.ts'

const folder = new URL('../../../infra/observability/', import.meta.url)
const read = (name: string) => readFile(new URL(name, folder), 'utf8')
type Rule = { alert: string; expr: string; labels: { severity: string }; annotations: { summary: string; runbook: string } }
type Panel = { title: string; targets?: { expr: string }[] }

const rules = (parse(await read('alerts.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules)
const panels = (JSON.parse(await read('dashboard.json')) as { panels: Panel[] }).panels.filter(({ targets }) => targets)
const expressions = [
  ...rules.map(({ alert, expr }) => ({ where: alert, expr })),
  ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: `panel "${title}"`, expr }))),
]

const token = 'a-token-of-24-characters'
const { system } = useSystem({
  settingsOf: async (name) => ({ METRICS_TOKEN: token, ...(name === 'dispatcher-1' && { PORT: '0' }) }),
})
const scrape = async (url: string) => (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text()

let texts: Record<'ingest' | 'status' | 'dispatcher', string>
let exported: Sample[]
beforeAll(async () => {
  const { api, receiver } = system()
  const { id } = await api.createWebhook({ url: receiver.url })
  await api.subscribe(id, '*')
  await api.publish(anEvent())
  await eventually(async () => {
    const { ingest, status, dispatchers } = system()
    const [i, s, d] = await Promise.all([ingest, status, dispatchers[0]].map((one) => scrape(one?.url ?? '')))
    texts = { ingest: i as string, status: s as string, dispatcher: d as string }
    expect(valueOf(texts.dispatcher, 'tidings_deliveries_total{state="succeeded"')).toBe(1)
    // its start may be in the log before its end is
    expect(valueOf(texts.status, 'tidings_stage_seconds_count{service="status",process="status",stage="record"}')).toBe(1)
  })
  exported = Object.values(texts).flatMap(samplesOf)
})

const words = new Set(['by', 'on', 'without', 'ignoring', 'or', 'and', 'unless', 'le'])
/** What Prometheus adds. */
const added = { names: new Set(['up']), labels: new Set(['job', 'instance']) }

/** Names of metrics in an expression, each with the labels that it is narrowed down by. */
function selectorsIn(expr: string): { name: string; labels: [string, string][] }[] {
  const bare = expr.replace(/\b(by|on|without|ignoring)\s*\([^)]*\)/g, ' ').replace(/\[[^\]]*\]/g, ' ')
  return [...bare.matchAll(/([a-zA-Z_]\w*)\s*(\{[^}]*\})?(?!\w*\s*\()/g)]
    .filter(([, name = '']) => !words.has(name))
    .map(([, name = '', matchers = '']) => ({
      name,
      labels: [...matchers.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', value = '']): [string, string] => [label, value]),
    }))
}

describe('each process', () => {
  it('tells of its work, of itself and of what it needs', () => {
    expect(valueOf(texts.ingest, 'tidings_events_accepted_total{')).toBe(1)
    expect(valueOf(texts.ingest, 'tidings_stage_seconds_count{service="ingest",process="ingest",stage="fan_out"}')).toBe(1)
    expect(valueOf(texts.dispatcher, 'tidings_attempts_total{outcome="succeeded"')).toBe(1)
    for (const stage of ['queue', 'attempt', 'delivered'])
      expect(valueOf(texts.dispatcher, `tidings_stage_seconds_count{service="dispatcher",process="dispatcher",stage="${stage}"}`)).toBe(1)
    expect(valueOf(texts.status, 'tidings_stage_seconds_count{service="status",process="status",stage="record"}')).toBe(1)
    expect(valueOf(texts.status, 'tidings_ledger_unaccounted_events{')).toBe(0)
    for (const text of Object.values(texts)) {
      expect(valueOf(text, 'process_cpu_seconds_total{')).toBeGreaterThan(0)
      expect(valueOf(text, 'nodejs_eventloop_lag_p99_seconds{')).toBeDefined()
      expect(valueOf(text, 'tidings_dependency_up{dependency="storage"')).toBe(1)
      expect(valueOf(text, 'tidings_dependency_up{dependency="redis"')).toBe(1)
    }
  })

  it('names its own metrics as Prometheus wants them, with labels that have an end', () => {
    const own = exported.filter(({ name }) => name.startsWith('tidings_'))
    const labels = new Set(own.flatMap((sample) => Object.keys(sample.labels)))

    expect([...labels].sort()).toEqual(
      [
        'dependency',
        'le',
        'matched',
        'method',
        'outcome',
        'process',
        'reason',
        'route',
        'service',
        'stage',
        'state',
        'status',
        'what',
      ].filter((label) => labels.has(label)),
    )
    for (const { labels: values } of own)
      for (const value of Object.values(values)) expect(value).not.toMatch(/:\/\/|[0-9a-f]{8}-[0-9a-f]{4}/)
  })

  it('shows them to nobody without the token', async () => {
    const { ingest, status, dispatchers } = system()
    for (const one of [ingest, status, dispatchers[0]]) expect((await fetch(`${one?.url}/metrics`)).status).toBe(401)
  })
})

/** What an expression asks for that nobody exports. */
function missingIn(expr: string): string[] {
  return selectorsIn(expr)
    .filter(({ name }) => !added.names.has(name))
    .flatMap(({ name, labels }) => {
      const found = exported.filter((sample) => sample.name === name)
      if (found.length === 0) return name
      return (
        labels
          .filter(([label, value]) => !added.labels.has(label) && !found.some((sample) => sample.labels[label] === value))
          // which statuses there are is a matter of what was asked
          .filter(([label]) => label !== 'status' || found[0]?.labels.status === undefined)
          .map(([label, value]) => `${name}{${label}="${value}"}`)
      )
    })
}

describe('dashboard and alerts', () => {
  it('understands what an expression asks for', () => {
    expect(selectorsIn('sum by (a, b) (rate(x_total{s="1",t!="2"}[5m])) / (count(y == 1) or vector(0)) > 0.5')).toEqual([
      { name: 'x_total', labels: [['s', '1']] },
      { name: 'y', labels: [] },
    ])
    expect(missingIn('tidings_invented > tidings_pressure{state="invented"}')).toEqual([
      'tidings_invented',
      'tidings_pressure{state="invented"}',
    ])
  })

  it('asks for nothing that is not there', () => {
    expect(expressions.length).toBeGreaterThan(rules.length)
    expect(expressions.filter(({ expr }) => selectorsIn(expr).length === 0)).toEqual([])
    expect(expressions.flatMap(({ where, expr }) => missingIn(expr).map((missing) => `${where}: ${missing}`))).toEqual([])
  })

  it('says for each alert how urgent it is, and what to do', async () => {
    const readme = await read('README.md')
    for (const { alert, labels, annotations } of rules) {
      expect(['page', 'ticket']).toContain(labels.severity)
      expect(annotations.summary).toMatch(/\w/)
      expect(annotations.runbook).toBe(`infra/observability/README.md#${alert.toLowerCase()}`)
      expect(readme).toMatch(new RegExp(`^## ${alert}$`, 'm'))
    }
  })

  it('has a word in the README for no alert that is gone', async () => {
    const headings = [...(await read('README.md')).matchAll(/^## (Tidings\w+)$/gm)].map(([, name]) => name)
    expect(headings).toEqual(rules.map(({ alert }) => alert))
  })

  it('is what Prometheus itself takes for rules and configuration', ({ skip }) => {
    const promtool = (...args: string[]) => execFileSync('promtool', args, { cwd: fileURLToPath(folder), encoding: 'utf8', stdio: 'pipe' })
    try {
      promtool('--version')
    } catch {
      return skip('promtool is not on PATH')
    }
    expect(promtool('check', 'config', 'prometheus.yaml')).toContain('SUCCESS')
  })
})
