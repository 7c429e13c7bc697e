/** What a day without trouble does not show: receivers that are away, very long names, requests that are refused. */
export async function addTrouble(tidings) {
  const ask = asker(tidings)
  const long = 'the quarterly export of everything that the finance warehouse knows about orders, returns and refunds, for the auditors'
  const away = { url: 'http://127.0.0.1:8080/nobody-listens-here', retry: { strategy: 'exponential', attempts: 6, base_seconds: 60 } }
  const subscriptions = [{ event_type: 'quality.*', filters: { domains: ['Sales', 'Finance'], tags: ['PII.Sensitive'] } }, 'orders.*']
  for (const webhook of [
    { ...away, label: 'nightly export' },
    {
      ...away,
      url: `http://127.0.0.1:8080/${'a-very-long-path/'.repeat(9)}end?tenant=finance`,
      label: long,
      retry: { strategy: 'schedule', delays_seconds: [] },
    },
  ]) {
    const { id } = await ask('POST', '/webhooks', webhook)
    await ask('PUT', `/webhooks/${id}/subscriptions`, subscriptions)
  }
  await ask('PUT', '/event-types/orders.changed', {
    description: 'A table of orders changed: its columns, its owners, or what is said of it.',
    schema: { type: 'object', required: ['rows'], properties: { rows: { type: 'integer' } } },
  })
  await ask('PUT', '/event-types/quality.failed', { description: 'A quality test failed.' })
  await ask('POST', '/keys', { label: 'catalog of the north', scopes: ['ingest'] })
  await ask('POST', '/keys', { label: 'dashboard', scopes: ['read'], expires_at: new Date(Date.now() + 90 * 86_400_000).toISOString() })
  await ask(
    'POST',
    '/events',
    Array.from({ length: 12 }, (_, n) => order(n)),
  )
  const [source] = (await ask('GET', '/sources')).data.filter(({ scheme }) => scheme !== null)
  for (const body of ['{}', 'not even JSON'])
    await fetch(`${tidings.url}/sources/${source.name}/events`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
  const count = async (status) => (await ask('POST', '/webhook-deliveries/count', { filter: is('status', status) })).count
  await until(async () => (await count('failed')) >= 5 && (await count('retrying')) >= 1)
}

const order = (n) => ({
  id: `order-${n}`,
  type: 'orders.changed',
  actor: 'ada',
  subject: `warehouse.finance.orders_${n}`,
  entity: {
    type: 'table',
    id: String(4_700 + n),
    name: n === 11 ? `warehouse.finance.${'a_column_family_with_a_long_name.'.repeat(12)}orders` : `warehouse.finance.orders_${n}`,
    domain: 'Finance',
    owners: ['ada', 'team-finance'],
    tags: ['PII.Sensitive', 'Tier.Tier1'],
    url: 'https://catalog.example.com/table/4711',
  },
  change: {
    added: [{ name: 'columns.zip', new_value: { name: 'zip', dataType: 'VARCHAR', dataLength: 10 } }],
    updated: [
      { name: 'description', old_value: 'Orders', new_value: 'Orders, one row for each line; returns are rows of their own' },
      {
        name: 'owners',
        old_value: [{ name: 'bob', type: 'user' }],
        new_value: [
          { name: 'ada', type: 'user' },
          { name: 'team-finance', type: 'team' },
        ],
      },
    ],
    deleted: [{ name: 'columns.fax', old_value: { name: 'fax', dataType: 'VARCHAR' } }],
  },
  data: { rows: 12_345 + n, profile: { nulls: 0.02, distinct: 11_870 }, sample: ['10115', '20095', '80331'] },
})

/** Records that are worth a picture. */
export async function lookUp(tidings) {
  const ask = asker(tidings)
  const newest = async (filter) => (await ask('POST', '/webhook-deliveries/filter', { filter, limit: 1 })).data[0]
  const triedAgain = { and: [is('status', 'succeeded'), { field: 'attempts', op: 'gt', value: 1 }] }
  const [delivered, retrying, event] = [
    await newest(triedAgain),
    await newest(is('status', 'retrying')),
    await newest(is('event_type', 'orders.changed')),
  ]
  const sources = (await ask('GET', '/sources')).data
  return {
    delivered: delivered.id,
    retrying: retrying.id,
    event: event.event_id,
    webhook: delivered.webhook_id,
    failing: retrying.webhook_id,
    source: sources.find(({ scheme }) => scheme !== null).name,
  }
}

const is = (field, value) => ({ field, op: 'eq', value })

const asker =
  ({ url, key }) =>
  async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

async function until(holds) {
  for (const end = Date.now() + 60_000; !(await holds()); await new Promise((done) => setTimeout(done, 200)))
    if (Date.now() > end) throw new Error('the deliveries did not fail within a minute, as they should')
}
