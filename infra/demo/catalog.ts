import type { Entity } from '../../shared/contracts/event.ts'
import type { Random } from './random.ts'

/** The catalog whose day is played: what there is in the morning, and what people and programs make of it. */
export type Table = { name: string; id: string; domain: string; owners: string[]; tags: string[]; columns: string[]; failing: boolean }
export type Dashboard = { name: string; id: string; domain: string; owners: string[]; tags: string[]; charts: number }
export type Catalog = { tables: Table[]; dashboards: Dashboard[]; pipelines: string[]; made: number }

export const domains = ['Sales', 'Billing', 'Customer', 'Logistics', 'Product'] as const
export const people = ['ada', 'björn', 'chioma', 'dmitri', 'eun-ji', 'fátima', 'grace', 'hiroshi'] as const
export const teams = ['team-sales', 'team-finance', 'team-crm', 'team-supply', 'team-product', 'data-platform'] as const
export const personalTags = ['PII.Sensitive', 'PII.Email', 'PII.Phone'] as const
export const otherTags = ['Tier.Gold', 'Tier.Silver', 'Certified', 'Retention.90days', 'Source.CRM'] as const
const columnNames = [
  'id',
  'created_at',
  'updated_at',
  'amount',
  'currency',
  'email',
  'phone',
  'country',
  'zip',
  'status',
  'quantity',
] as const
export const columnTypes = ['BIGINT', 'VARCHAR(255)', 'TIMESTAMP', 'DECIMAL(12,2)', 'BOOLEAN', 'DATE'] as const
const subjects = {
  Sales: ['orders', 'order_lines', 'refunds', 'quotes', 'discounts'],
  Billing: ['invoices', 'payments', 'dunning', 'credit_notes', 'tax_rates'],
  Customer: ['accounts', 'contacts', 'consents', 'tickets', 'segments'],
  Logistics: ['shipments', 'stock', 'carriers', 'returns', 'warehouses'],
  Product: ['items', 'prices', 'categories', 'reviews', 'suppliers'],
} as const satisfies Record<(typeof domains)[number], string[]>

export function createCatalog(random: Random): Catalog {
  const catalog: Catalog = { tables: [], dashboards: [], pipelines: [], made: 0 }
  for (const domain of domains) {
    for (const subject of subjects[domain]) addTable(catalog, random, { domain, name: `warehouse.${domain.toLowerCase()}.${subject}` })
    for (const title of ['daily', 'weekly', 'board'])
      addDashboard(catalog, random, { domain, name: `looker.${domain.toLowerCase()}.${title}` })
    catalog.pipelines.push(`airflow.${domain.toLowerCase()}_nightly`, `airflow.${domain.toLowerCase()}_hourly`)
  }
  return catalog
}

export function addTable(catalog: Catalog, random: Random, { domain, name }: { domain: string; name: string }): Table {
  const tags = random.next() < 0.2 ? [random.pick(personalTags)] : random.next() < 0.4 ? [random.pick(otherTags)] : []
  const columns = ['id', ...new Set(Array.from({ length: random.between(3, 7) }, () => random.pick(columnNames)))]
  const table = { name, id: nextId(catalog), domain, owners: [random.pick(teams)], tags, columns: [...new Set(columns)], failing: false }
  catalog.tables.push(table)
  return table
}

export function addDashboard(catalog: Catalog, random: Random, { domain, name }: { domain: string; name: string }): Dashboard {
  const dashboard = { name, id: nextId(catalog), domain, owners: [random.pick(teams)], tags: [], charts: random.between(2, 9) }
  catalog.dashboards.push(dashboard)
  return dashboard
}

const nextId = (catalog: Catalog): string => String(4_700 + ++catalog.made)

/** As it is at this moment: an event must not change when its object does. */
export const entityOf = (type: string, { id, name, domain, owners, tags }: Table | Dashboard): Entity => ({
  type,
  id,
  name,
  domain,
  owners: [...owners],
  tags: [...tags],
})
