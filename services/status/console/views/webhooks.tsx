import { useState } from 'react'
import { Link } from 'wouter'
import type { Health } from '../../../../shared/contracts/api/stats.ts'
import type { Webhook } from '../../../../shared/contracts/api/webhook.ts'
import { Badge } from '../parts/badge.tsx'
import { Icon } from '../parts/icon.tsx'
import { Sparkline } from '../parts/sparkline.tsx'
import { NothingHere, Shown } from '../parts/states.tsx'
import { createList } from '../parts/table.tsx'
import { Ago } from '../parts/time.tsx'
import { useHealth, useWebhooks } from '../queries.ts'
import { useMay } from '../session.tsx'

type Row = Webhook & { health: Health | undefined }
const order = { failing: 0, disabled: 1, active: 2 }

const Webhooks = createList<Row>([
  {
    name: 'Webhook',
    by: (row) => (row.label ?? row.url).toLowerCase(),
    cell: (row) => (
      <div className="cell-two">
        <Link to={`/webhooks/${row.id}`} className="clip">
          {row.label ?? row.url}
        </Link>
        {row.label && <span className="faint clip mono">{row.url}</span>}
      </div>
    ),
  },
  { name: 'Status', by: (row) => order[row.status], cell: (row) => <Badge state={row.status} /> },
  { name: 'Last 24 hours', cell: (row) => <Sparkline health={row.health} id={row.id} /> },
  { name: 'Format', by: (row) => row.format, cell: (row) => row.format },
  {
    name: 'Last failure',
    by: (row) => row.failure_details?.last_failed_at ?? '',
    cell: ({ failure_details: failure }) =>
      failure ? (
        <span title={failure.last_failed_reason ?? undefined}>
          {failure.last_failed_status_code ?? failure.last_failed_reason?.slice(0, 40)} · <Ago at={failure.last_failed_at} />
        </span>
      ) : (
        <span className="faint">never</span>
      ),
  },
])

export default function WebhooksView() {
  const query = useWebhooks()
  const health = useHealth()
  const [text, setText] = useState('')
  const mayWrite = useMay('write')
  const fits = ({ label, url, id }: Webhook) => `${label} ${url} ${id}`.toLowerCase().includes(text.toLowerCase())
  return (
    <section className="page">
      <header className="page-head">
        <h1>Webhooks</h1>
        {mayWrite && (
          <Link to="/webhooks/new" className="button primary">
            <Icon name="plus" /> New webhook
          </Link>
        )}
      </header>
      <Shown query={query}>
        {({ data, meta }) =>
          data.length === 0 ? (
            <NothingHere title="No webhooks yet" text="A webhook is an address that gets the events it subscribes to." />
          ) : (
            <>
              <input
                className="search"
                type="search"
                data-search
                placeholder="Label or address"
                aria-label="Search webhooks"
                value={text}
                onChange={({ target }) => setText(target.value)}
              />
              <Webhooks label="Webhooks" id={(row) => row.id} rows={data.filter(fits).map((row) => ({ ...row, health: health.data }))} />
              {meta.has_more && <p className="hint">The newest 200 are shown.</p>}
            </>
          )
        }
      </Shown>
    </section>
  )
}
