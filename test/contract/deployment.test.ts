import { describe, expect, it } from 'vitest'
import {
  copies,
  execForm,
  exists,
  isInContext,
  manifest,
  read,
  readDockerfile,
  readYaml,
  scriptOf,
  settingNames,
  valuesOf,
} from '../support/deployment.ts'
import { nodeArguments } from '../../infra/node-arguments.ts'
import type { Stage } from '../support/deployment.ts'

const services = ['ingest', 'dispatcher', 'status']
const isKnown = (command: string) => scriptOf(command) !== undefined

it.each(['start', 'ingest', 'dispatcher', 'status'])(
  '`npm run %s` gives Node the arguments that a process of Tidings has everywhere',
  (name) => {
    expect(manifest().scripts[name]).toMatch(new RegExp(`^node ${nodeArguments.join(' ')} infra/`))
  },
)

describe('the image', () => {
  const { args, stages } = readDockerfile()
  const last = stages.at(-1) as Stage

  it('is made of a Node that package.json asks for, the same in every stage', () => {
    expect([...args.values()]).toEqual([expect.stringMatching(/^node:20-\w+-slim$/)])
    expect(new Set(stages.map(({ base }) => base))).toEqual(new Set(args.values()))
    expect(manifest().engines.node).toBe('>=20.19')
  })

  it('copies what is there, let through by .dockerignore', () => {
    const names = stages.map(({ name }) => name)
    for (const stage of stages) {
      for (const { from, sources } of copies(stage)) {
        if (from) expect(names.slice(0, names.indexOf(stage.name)), `${from} is made before it is copied from`).toContain(from)
        else for (const source of sources) expect([source, exists(source), isInContext(source)]).toEqual([source, true, true])
      }
    }
  })

  it('leaves secrets, data, tests and what was built elsewhere outside', () => {
    const outside = [
      'data/master.key',
      '.env',
      'infra/.env',
      '.git/config',
      'dist/x.js',
      'node_modules/x/y.js',
      'infra/redis/bundled/node_modules/x.js',
      'test/a.ts',
      'README.md',
      'infra/README.md',
    ]
    expect(outside.filter(isInContext)).toEqual([])
    expect(
      ['services/ingest/main.ts', 'infra/start.mjs', 'shared/storage/sqlite/migrations/0000_init.sql'].filter((path) => !isInContext(path)),
    ).toEqual([])
  })

  it('holds production dependencies alone, as locked, and runs the scripts of none but the SQLite driver', () => {
    const installs = stages.flatMap((stage) =>
      valuesOf(stage, 'RUN')
        .filter((text) => /npm (ci|i|install)\b/.test(text))
        .map((text) => ({ stage: stage.name, text })),
    )
    expect(installs.filter(({ text }) => !/npm ci .*--ignore-scripts/.test(text))).toEqual([])
    expect(installs.filter(({ text }) => text.includes('--omit=dev')).map(({ stage }) => stage)).toEqual(['production'])
    expect(copies(last).find(({ sources }) => sources.includes('/app/node_modules'))?.from).toBe('production')
    expect(
      stages.flatMap(
        (stage) =>
          valuesOf(stage, 'RUN')
            .join()
            .match(/npm rebuild [\w-]+/g) ?? [],
      ),
    ).toEqual(['npm rebuild better-sqlite3'])
  })

  it('runs as a user with a number, keeps its data apart, and is asked for its health', () => {
    expect(valuesOf(last, 'USER')).toEqual([expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/)])
    const env = Object.fromEntries(valuesOf(last, 'ENV').flatMap((text) => text.split(' ').map((pair) => pair.split('='))))
    expect(env).toMatchObject({ NODE_ENV: 'production', HOST: '0.0.0.0', DATA_DIR: '/data' })
    expect(valuesOf(last, 'VOLUME')).toEqual([env.DATA_DIR])
    expect(valuesOf(last, 'EXPOSE')).toEqual([env.PORT])
    expect(Object.keys(env).filter((name) => name !== 'NODE_ENV' && !settingNames().has(name))).toEqual([])
    expect([execForm(last, 'HEALTHCHECK'), execForm(last, 'ENTRYPOINT'), execForm(last, 'CMD')]).toEqual([
      ['node', 'infra/health.mjs'],
      ['node', ...nodeArguments, 'infra/container.mjs'],
      ['up'],
    ])
  })

  it('knows the commands that are said of it', () => {
    const [, named = ''] = /What it runs is a script of package\.json: (.*)/.exec(read('infra/Dockerfile')) ?? []
    const commands = [...named.matchAll(/`(\w+)`/g)].map(([, name]) => name as string)
    expect(commands).toEqual(expect.arrayContaining(['up', 'migrate', ...services]))
    expect(commands.filter((command) => !isKnown(command))).toEqual([])
    for (const command of commands) if (scriptOf(command)) expect(exists(scriptOf(command) as string), command).toBe(true)
  })
})

type Service = {
  image: string
  command?: string[]
  profiles?: string[]
  environment?: Record<string, string>
  depends_on?: Record<string, object> | string[]
  ports?: string[]
  volumes?: string[]
  configs?: { source: string }[]
  deploy?: { replicas: number }
  [member: string]: unknown
}
type Compose = { services: Record<string, Service>; volumes: Record<string, unknown>; configs: Record<string, { content: string }> }

describe('the compose file', () => {
  const compose = readYaml<Compose>('infra/compose.yaml')
  const all = Object.entries(compose.services)
  const own = all.filter(([, { image }]) => image.includes('tidings'))

  it('is all in one where nothing is said, and each service with its profile', () => {
    const of = (profile?: string) =>
      all.filter(([, { profiles }]) => (profile ? profiles?.includes(profile) : !profiles)).map(([name]) => name)
    expect(of()).toEqual(['tidings'])
    expect(of('scale').toSorted()).toEqual([...services, 'migrate', 'postgres', 'redis'].toSorted())
    expect(of('observability').toSorted()).toEqual(['grafana', 'prometheus'])
    expect(services.map((name) => compose.services[name]?.deploy?.replicas)).toEqual([2, 4, 2])
  })

  it('runs commands that there are, with settings that there are', () => {
    expect(own.map(([name, { command }]) => [name, command?.join()])).toEqual([
      ['tidings', 'up'],
      ...['ingest', 'status', 'dispatcher', 'migrate'].map((name) => [name, name]),
    ])
    expect(own.flatMap(([, { command = [] }]) => command).filter((command) => !isKnown(command))).toEqual([])
    expect(own.flatMap(([, { environment = {} }]) => Object.keys(environment)).filter((name) => !settingNames().has(name))).toEqual([])
  })

  it('lets nothing be written but data, and gives a service longer to end than it takes', () => {
    const [, drainMs] = /^#DRAIN_MS=(\d+)/m.exec(read('.env.example')) ?? []
    for (const [name, service] of own) {
      expect([name, service]).toEqual([name, expect.objectContaining({ read_only: true, cap_drop: ['ALL'], tmpfs: ['/tmp'] })])
      expect(Number.parseInt(service.stop_grace_period as string) * 1_000).toBeGreaterThan(Number(drainMs) + 5_000)
    }
  })

  it('names nothing that is not there', () => {
    for (const [name, { depends_on = [], volumes = [], configs = [] }] of all) {
      const needed = Array.isArray(depends_on) ? depends_on : Object.keys(depends_on)
      for (const other of needed)
        expect(compose.services[other]?.profiles, `${name} needs ${other}`).toEqual(compose.services[name]?.profiles)
      expect(configs.filter(({ source }) => !compose.configs[source])).toEqual([])
      for (const [place = ''] of volumes.map((volume) => volume.split(':'))) {
        // its files have a check of their own
        if (place.startsWith('./observability/') && !exists('infra/observability')) continue
        expect([place, place.startsWith('.') ? exists(`infra/${place}`) : place in compose.volumes]).toEqual([place, true])
      }
    }
  })

  it('publishes ports of this machine alone, one for each copy', () => {
    const taken = all.flatMap(([, { ports = [], deploy }]) =>
      ports.flatMap((port) => {
        const [, first, last] = /^127\.0\.0\.1:(\d+)(?:-(\d+))?:\d+$/.exec(port) ?? []
        const [from, to] = [Number(first), Number(last ?? first)]
        expect(to - from + 1, port).toBe(deploy?.replicas ?? 1)
        return Array.from({ length: to - from + 1 }, (_, n) => from + n)
      }),
    )
    expect(new Set(taken).size).toBe(taken.length)
  })

  it('has a Redis that keeps all it is given', () => {
    expect(compose.services.redis?.command).toEqual(expect.arrayContaining(['noeviction', '--appendonly', 'yes', '256mb']))
  })
})

describe('the guide to running it', () => {
  const guide = read('infra/README.md')

  it('names only files and commands that there are', () => {
    const links = [...guide.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path]) => `infra/${path}`)
    const files = [...guide.matchAll(/(?<![\w/.])((?:infra|test)\/[\w./-]*\w)/g)].map(([, path]) => path as string)
    const missing = [...links, ...files].filter(
      (path) => !exists(path) && (exists('infra/observability') || !path.startsWith('infra/observability')),
    )
    expect(missing).toEqual([])
    const scripts = [...guide.matchAll(/npm run ([\w]+)/g)].map(([, name]) => name as string)
    expect(scripts.filter((name) => !manifest().scripts[name])).toEqual([])
    const [, named = ''] = /file of this folder: (.*)\n/.exec(guide) ?? []
    expect([...named.matchAll(/`(\w+)`/g)].map(([, name]) => name as string).filter((name) => !isKnown(name))).toEqual([])
  })

  it('is about profiles, ports and values that there are', () => {
    const profiles = new Set(Object.values(readYaml<Compose>('infra/compose.yaml').services).flatMap(({ profiles: own = [] }) => own))
    expect([...guide.matchAll(/--profile (\w+)/g)].filter(([, name]) => !profiles.has(name as string))).toEqual([])
    const compose = read('infra/compose.yaml')
    for (const port of ['8401-8402', '8403-8404', '9090', '3000']) expect(compose).toContain(`127.0.0.1:${port}:`)
    const chart = read('infra/helm/tidings/values.yaml')
    for (const [, name] of guide.matchAll(/`?(?:--set )?(?:secrets|dispatcher)\.(\w+)/g)) expect(chart).toContain(`${name}:`)
  })
})
