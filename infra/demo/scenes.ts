import type { Change, Entity } from '../../shared/contracts/event.ts'
import * as catalogs from './catalog.ts'
import type { Catalog } from './catalog.ts'
import type { Random } from './random.ts'

/** What happens, without the time at which it does. */
export type Happening = { type: string; actor: string; entity: Entity; change?: Change; data?: Record<string, unknown> }
export type Scene = (catalog: Catalog, random: Random) => Happening

const ofTable = (table: catalogs.Table) => catalogs.entityOf('table', table)
const byPerson = (random: Random) => random.pick(catalogs.people)
const fresh = (random: Random, words: readonly string[]) => `${random.pick(words)}_${random.between(100, 999)}`

function build(catalog: Catalog, random: Random): Happening {
  const name = random.pick(catalog.pipelines)
  const failed = random.next() < 0.12
  const data = { run: random.between(10_000, 99_999), seconds: random.between(20, 3_600), rows: random.between(1_000, 5_000_000) }
  const entity = { type: 'pipeline', name, owners: ['data-platform'] }
  return { type: failed ? 'build.failed' : 'build.completed', actor: 'airflow', entity, data }
}

function tableCreated(catalog: Catalog, random: Random): Happening {
  const domain = random.pick(catalogs.domains)
  const name = `warehouse.${domain.toLowerCase()}.${fresh(random, ['snapshot', 'export', 'staging', 'model', 'feature'])}`
  const table = catalogs.addTable(catalog, random, { domain, name })
  const columns = table.columns.map((column) => ({ name: column, type: random.pick(catalogs.columnTypes) }))
  return { type: 'table.created', actor: byPerson(random), entity: ofTable(table), data: { columns } }
}

function schemaChanged(catalog: Catalog, random: Random): Happening {
  const table = random.pick(catalog.tables)
  const column = fresh(random, ['score', 'note', 'flag', 'ratio'])
  const retyped = random.pick(table.columns)
  table.columns.push(column)
  const change: Change = {
    added: [{ name: `columns.${column}`, new_value: { name: column, type: random.pick(catalogs.columnTypes) } }],
    ...(random.next() < 0.4 && { updated: [{ name: `columns.${retyped}.type`, old_value: 'INTEGER', new_value: 'BIGINT' }] }),
  }
  return { type: 'table.updated', actor: byPerson(random), entity: ofTable(table), change, data: { columns: table.columns.length } }
}

function ownerChanged(catalog: Catalog, random: Random): Happening {
  const table = random.pick(catalog.tables)
  const [before, after] = [table.owners, [random.pick(catalogs.teams)]]
  table.owners = after
  const change = { updated: [{ name: 'owners', old_value: before, new_value: after }] }
  return { type: 'table.updated', actor: byPerson(random), entity: ofTable(table), change }
}

const tagged =
  (tags: readonly string[]): Scene =>
  (catalog, random) => {
    const table = random.pick(catalog.tables)
    const tag = random.pick(tags)
    if (!table.tags.includes(tag)) table.tags.push(tag)
    const change = { added: [{ name: 'tags', new_value: [tag] }] }
    return { type: 'table.tagged', actor: byPerson(random), entity: ofTable(table), change }
  }

function described(catalog: Catalog, random: Random): Happening {
  const table = random.pick(catalog.tables)
  const column = random.pick(table.columns)
  const change = {
    updated: [{ name: `columns.${column}.description`, old_value: '', new_value: `${column} of ${table.name} – geprüft ✓` }],
  }
  return { type: 'table.updated', actor: byPerson(random), entity: ofTable(table), change }
}

/** Of a table whose test fails the next result is most often that it was mended. */
const tested =
  (shareFailing: number): Scene =>
  (catalog, random) => {
    const failing = catalog.tables.filter((table) => table.failing)
    const table = failing.length > 0 && random.next() < 0.35 ? random.pick(failing) : random.pick(catalog.tables)
    const fails = !table.failing && random.next() < shareFailing
    const type = fails ? 'test.failed' : table.failing ? 'test.recovered' : 'test.passed'
    table.failing = fails
    const data = {
      test: random.pick(['not_null', 'unique', 'row_count', 'freshness']),
      checked: random.between(1_000, 900_000),
      wrong: fails ? random.between(1, 500) : 0,
    }
    return { type, actor: 'quality-runner', entity: ofTable(table), data }
  }

function dashboardUpdated(catalog: Catalog, random: Random): Happening {
  const dashboard = random.pick(catalog.dashboards)
  const change = { updated: [{ name: 'charts', old_value: dashboard.charts, new_value: ++dashboard.charts }] }
  return { type: 'dashboard.updated', actor: byPerson(random), entity: catalogs.entityOf('dashboard', dashboard), change }
}

function dashboardCreated(catalog: Catalog, random: Random): Happening {
  const domain = random.pick(catalogs.domains)
  const dashboard = catalogs.addDashboard(catalog, random, {
    domain,
    name: `looker.${domain.toLowerCase()}.${fresh(random, ['adhoc', 'review', 'kpi'])}`,
  })
  return {
    type: 'dashboard.created',
    actor: byPerson(random),
    entity: catalogs.entityOf('dashboard', dashboard),
    data: { charts: dashboard.charts },
  }
}

/** The last few stay, or else nothing would be left to tell of. */
function remove<T>(list: T[], random: Random): T {
  const one = random.pick(list)
  if (list.length > 5) list.splice(list.indexOf(one), 1)
  return one
}

const tableDeleted: Scene = (catalog, random) => {
  const entity = ofTable(remove(catalog.tables, random))
  return { type: 'table.deleted', actor: byPerson(random), entity, data: { reason: random.pick(['retention', 'replaced', 'never used']) } }
}

const dashboardDeleted: Scene = (catalog, random) => {
  const entity = catalogs.entityOf('dashboard', remove(catalog.dashboards, random))
  return { type: 'dashboard.deleted', actor: byPerson(random), entity }
}

type Weighted = { weight: number; scene: Scene }
const weighted = (...scenes: [number, Scene][]): Weighted[] => scenes.map(([weight, scene]) => ({ weight, scene }))

/** The hours of the day, what happens in them, and their share of all that happens. */
export const hours: { from: number; to: number; share: number; scenes: Weighted[] }[] = [
  { from: 0.5, to: 6.5, share: 0.24, scenes: weighted([5, build], [5, tested(0.08)]) },
  {
    from: 7.5,
    to: 11.5,
    share: 0.3,
    scenes: weighted(
      [3, tableCreated],
      [4, schemaChanged],
      [2, ownerChanged],
      [2, tagged(catalogs.otherTags)],
      [2, tagged(catalogs.personalTags)],
      [2, described],
    ),
  },
  {
    from: 11.5,
    to: 14,
    share: 0.14,
    scenes: weighted([6, dashboardUpdated], [2, dashboardCreated], [2, described], [1, tagged(catalogs.personalTags)]),
  },
  { from: 14, to: 18.5, share: 0.22, scenes: weighted([7, tested(0.35)], [2, schemaChanged], [1, build]) },
  { from: 18.5, to: 23.5, share: 0.1, scenes: weighted([5, tableDeleted], [3, dashboardDeleted], [2, build]) },
]
