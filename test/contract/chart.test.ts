import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { parseAllDocuments, stringify } from 'yaml'
import { describe, expect, it } from 'vitest'
import { inRepository, manifest, read, readYaml, scriptOf, settingNames } from '../support/deployment.ts'

const chart = 'infra/helm/tidings'
type Values = { [name: string]: unknown }
const values = () => readYaml<Values>(`${chart}/values.yaml`)
const files = await readdir(inRepository(`${chart}/templates`))
const templates = files.map((name) => read(`${chart}/templates/${name}`)).join('\n')

/** Only part of the chart can be judged without Helm, and no library that renders it exists for Node. */
const hasHelm = spawnSync('helm', ['version']).status === 0

const key = Buffer.alloc(32).toString('base64')
const least = { secrets: { redisUrl: 'redis://redis:6379', databaseUrl: 'postgres://tidings@postgres/tidings', masterKey: key } }
const most = {
  secrets: { existingSecret: 'of-mine', previous: true, metrics: true },
  podMonitor: { enabled: true, labels: { release: 'prometheus' } },
  imagePullSecrets: [{ name: 'registry' }],
  dispatcher: {
    settings: { CONCURRENCY: 100 },
    autoscaling: { queueAge: { enabled: true, type: 'Pods', selector: { queue: 'deliveries' } } },
  },
  ingress: {
    enabled: true,
    className: 'nginx',
    annotations: { 'a/b': 'c' },
    ingestHost: 'in.example.com',
    statusHost: 'example.com',
    tlsSecret: 'tls',
  },
  networkPolicy: { enabled: true, from: [{ namespaceSelector: {} }], metricsFrom: [{ podSelector: {} }] },
  podAnnotations: { note: 'x' },
  nodeSelector: { disk: 'ssd' },
  tolerations: [{ key: 'a', operator: 'Exists' }],
  serviceAccountName: 'tidings',
}

const merged = (base: Values, over: Values): Values =>
  Object.fromEntries(
    [...new Set([...Object.keys(base), ...Object.keys(over)])].map((name) => {
      const [ours, theirs] = [base[name], over[name]]
      const both = [ours, theirs].every((one) => typeof one === 'object' && one !== null && !Array.isArray(one))
      return [name, both ? merged(ours as Values, theirs as Values) : (theirs ?? ours)]
    }),
  )

describe('the values of the chart', () => {
  const isValid = new Ajv({ allErrors: true, strict: false }).compile(JSON.parse(read(`${chart}/values.schema.json`)) as object)
  const faultsOf = (over: Values) => (isValid(merged(values(), over)) ? [] : (isValid.errors ?? []).map(({ instancePath }) => instancePath))

  it('agree with their schema, as they are and as they are used', () => {
    for (const over of [{}, least, most]) expect(faultsOf(over)).toEqual([])
  })

  it.each<[string, Values]>([
    ['/dispatcher', { dispatcher: { replica: 3 } }],
    ['/secrets/masterKey', { secrets: { masterKey: 'short' } }],
    ['/secrets/databaseUrl', { secrets: { databaseUrl: 'sqlite:/data/tidings.db' } }],
    ['/settings', { settings: { logLevel: 'info' } }],
    ['/ingest/settings', { ingest: { settings: { MASTER_KEY: key } } }],
    ['/dispatcher/drainSeconds', { dispatcher: { drainSeconds: '20' } }],
    ['/disruptionBudget/maxUnavailable', { disruptionBudget: { maxUnavailable: 0 } }],
  ])('with a mistake are refused at %s', (path, over) => {
    expect(faultsOf(over)).toContain(path)
  })

  it('set what Tidings can be set to', () => {
    const { settings, ingest, dispatcher, status } = values() as Record<string, { settings: object } & object>
    const named = [settings, ingest?.settings, dispatcher?.settings, status?.settings].flatMap((one) => Object.keys(one ?? {}))
    const written = [...templates.matchAll(/\b([A-Z]{2,}(?:_[A-Z]+)+)\b/g)].map(([, name]) => (name as string).replace(/_FILE$/, ''))
    expect([...named, ...written].filter((name) => !settingNames().has(name))).toEqual([])
  })
})

describe('the chart', () => {
  it('is of this version', () => {
    const { version } = manifest()
    expect(readYaml(`${chart}/Chart.yaml`)).toMatchObject({ apiVersion: 'v2', name: 'tidings', version, appVersion: version })
  })

  it('names in its templates only values that there are, and helpers that are defined', () => {
    const known = (path: string) =>
      path.split('.').reduce<unknown>((value, name) => (value as Values | undefined)?.[name], values()) !== undefined
    const named = [...templates.matchAll(/\.Values\.([\w.]+)/g)].map(([, path]) => path as string)
    expect(named.length).toBeGreaterThan(30)
    expect(named.filter((path) => !known(path))).toEqual([])
    const defined = new Set([...templates.matchAll(/define "([^"]+)"/g)].map(([, name]) => name))
    expect([...templates.matchAll(/include "([^"]+)"/g)].filter(([, name]) => !defined.has(name))).toEqual([])
  })

  it('has no value that does nothing', () => {
    const names = (of: Values, before = ''): string[] =>
      Object.entries(of).flatMap(([name, value]) =>
        typeof value === 'object' &&
        value !== null &&
        !Array.isArray(value) &&
        Object.keys(value).length > 0 &&
        name !== 'settings' &&
        name !== 'resources'
          ? names(value as Values, `${before}${name}.`)
          : [`${before}${name}`],
      )
    expect(names(values()).filter((path) => !templates.includes(`.${path.split('.').at(-1)}`))).toEqual([])
  })

  it('opens as many blocks as it closes', () => {
    for (const name of files) {
      const text = read(`${chart}/templates/${name}`).replace(/\{\{-?\s*\/\*[\s\S]*?\*\/\s*-?\}\}/g, '')
      const actions = [...text.matchAll(/\{\{-?\s*([\s\S]*?)\s*-?\}\}/g)].map(([, action]) => action as string)
      const opened = actions.filter((action) => /^(if|with|range|define)\b/.test(action)).length
      expect([name, actions.filter((action) => action === 'end').length]).toEqual([name, opened])
      expect([name, text.replace(/\{\{[\s\S]*?\}\}/g, '').match(/\{\{|\}\}/g)]).toEqual([name, null])
    }
  })

  it('starts what the image can start, and asks it where it answers', () => {
    expect([...templates.matchAll(/"component" "(ingest|dispatcher|status)" "fixed"/g)].map(([, name]) => name).toSorted()).toEqual([
      'dispatcher',
      'ingest',
      'status',
    ])
    const commands = ['ingest', 'dispatcher', 'status', 'migrate']
    expect(commands.filter((command) => !scriptOf(command))).toEqual([])
    expect([...templates.matchAll(/httpGet: \{ path: (\S+), port: http \}/g)].map(([, path]) => path)).toEqual([
      '/healthz',
      '/healthz',
      '/readyz',
    ])
    for (const word of [
      'runAsNonRoot: true',
      'readOnlyRootFilesystem: true',
      'allowPrivilegeEscalation: false',
      'drop: [ALL]',
      'type: RuntimeDefault',
    ])
      expect(templates).toContain(word)
  })

  it.skipIf(!hasHelm)('is rendered by Helm into documents of Kubernetes (only where `helm` is on PATH)', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidings-chart-'))
    for (const [name, over] of Object.entries({ least, most })) {
      const file = join(folder, `${name}.yaml`)
      await writeFile(file, stringify(over))
      execFileSync('helm', ['lint', '--strict', '--values', file, inRepository(chart)])
      const documents = parseAllDocuments(
        execFileSync('helm', ['template', 'news', '--values', file, inRepository(chart)], { encoding: 'utf8' }),
      )
      const kinds = documents.map((document) => (document.toJS() as { kind?: string } | null)?.kind)
      expect(documents.flatMap(({ errors }) => errors)).toEqual([])
      expect(kinds).toEqual(expect.arrayContaining(['Deployment', 'Service', 'PodDisruptionBudget', 'HorizontalPodAutoscaler', 'Job']))
      expect(kinds.filter((kind) => kind === 'Deployment')).toHaveLength(3)
    }
    await rm(folder, { recursive: true })
  })
})
