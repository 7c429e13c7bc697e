import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { Badge, Code } from '../parts/badge.tsx'
import { Shown } from '../parts/states.tsx'
import { At } from '../parts/time.tsx'
import { fetchDeliveries } from '../queries.ts'

const shown = 12

/** The newest deliveries of one webhook, as they come. */
export function Recent({ webhookId }: { webhookId: string }) {
  const query = useQuery({
    queryKey: ['recent', webhookId],
    queryFn: ({ signal }) => fetchDeliveries({ field: 'webhook_id', op: 'eq', value: webhookId }, 'desc', undefined, signal),
    refetchInterval: 2_000,
  })
  return (
    <Shown query={query}>
      {({ data }) =>
        data.length === 0 ? (
          <p className="hint">Nothing was sent to it yet.</p>
        ) : (
          <ul className="recent">
            {data.slice(0, shown).map((row) => (
              <li key={row.id}>
                <Link to={`/deliveries/${row.id}`}>
                  <Badge state={row.status} />
                  <span className="clip">{row.event_type}</span>
                  <span className="clip faint">{row.entity_name ?? row.subject ?? ''}</span>
                  <Code code={row.last_status_code} />
                  <At at={row.accepted_at} />
                </Link>
              </li>
            ))}
          </ul>
        )
      }
    </Shown>
  )
}
