import type { SourceSample } from './source.ts'

/** What OpenMetadata sends: its documentation's example, and ChangeEvents of the product. */
const headers = { 'content-type': 'application/json' }

const seed = {
  eventId: '123e4567-e89b-12d3-a456-426614174000',
  eventType: 'entityUpdated',
  timestamp: 1_705_320_000_000,
  entity: {
    id: '456e7890-e89b-12d3-a456-426614174111',
    type: 'table',
    name: 'customers',
    fullyQualifiedName: 'snowflake_prod.sales.public.customers',
    description: 'Customer information table',
    owner: { type: 'user', name: 'john.doe' },
    tags: [{ tagFQN: 'PII.Sensitive' }],
  },
  changeDescription: {
    fieldsAdded: [],
    fieldsUpdated: [{ name: 'tags', oldValue: [], newValue: [{ tagFQN: 'PII.Sensitive' }] }],
    fieldsDeleted: [],
  },
  webhookName: 'SlackTableNotifications',
  signature: 'sha256=abc123',
}

const table = {
  id: '8248af0a-7f95-5ee3-bbb9-3213ad7d0c37',
  name: 'dim_address',
  fullyQualifiedName: 'sample_data.ecommerce_db.shopify.dim_address',
  href: 'http://localhost:8585/api/v1/tables/8248af0a-7f95-5ee3-bbb9-3213ad7d0c37',
  owners: [{ id: '82aca92d-6280-56a9-b8ed-9798b9c4b4ed', type: 'team', name: 'DataEngineering' }],
  tags: [{ tagFQN: 'PII.Sensitive', source: 'Classification' }, { tagFQN: 'Tier.Tier1' }],
  domains: [{ id: '5f2b', type: 'domain', name: 'EMEA', fullyQualifiedName: 'Sales.EMEA' }],
}

const real = {
  id: '78bc6a38-2761-563e-be76-b5ee1f1ec7b2',
  eventType: 'entityUpdated',
  entityType: 'table',
  entityId: table.id,
  entityFullyQualifiedName: table.fullyQualifiedName,
  previousVersion: 0.2,
  currentVersion: 0.3,
  userName: 'admin',
  timestamp: 1_769_960_000_000,
  changeDescription: {
    fieldsAdded: [{ name: 'owners', newValue: JSON.stringify(table.owners) }],
    fieldsUpdated: [{ name: 'columns.zip.description', oldValue: '', newValue: 'Postal code' }],
    fieldsDeleted: [],
    previousVersion: 0.2,
  },
  entity: JSON.stringify(table),
}

const testResult = {
  id: '463a4277-b26d-5b4a-9aca-204ef221bbba',
  eventType: 'entityUpdated',
  entityType: 'testCase',
  entityId: '2b91bffd-ccd6-5d02-92e1-e7b3b113feca',
  timestamp: 1_769_940_000_900,
  changeDescription: { fieldsUpdated: [{ name: 'testCaseResult', newValue: { testCaseStatus: 'Failed', result: 'Found 8 columns' } }] },
}

const softDeleted = { id: 'pqr', eventType: 'entitySoftDeleted', entityType: 'pipeline', entityId: 'p1', currentVersion: null }
const thread = { id: 't1', eventType: 'threadCreated', entityType: 'THREAD', entityId: 'x', timestamp: 1_769_940_000_901 }

export const samples: SourceSample[] = [
  { title: 'the documented form', headers, body: JSON.stringify(seed) },
  { title: 'a ChangeEvent of the product', headers, body: JSON.stringify(real, null, 2) },
  { title: 'two events as an array', headers, body: JSON.stringify([testResult, softDeleted]) },
  {
    title: 'a batch with paging',
    headers,
    body: JSON.stringify({ data: [real, thread], paging: { total: 2 } }, null, 1),
  },
]
