import { useQuery } from '@tanstack/react-query'
import type { UseQueryResult } from '@tanstack/react-query'
import { lazy, Suspense, useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import type { Ledger } from '../../../../shared/contracts/api/ledger.ts'
import type { Stats } from '../../../../shared/contracts/api/stats.ts'
import type { Webhook } from '../../../../shared/contracts/api/webhook.ts'
import { get, post, type List } from '../api.ts'
import { Badge } from '../parts/badge.tsx'
import { Sparkline } from '../parts/sparkline.tsx'
import { Failed, Shown } from '../parts/states.tsx'
import { Ago } from '../parts/time.tsx'
import { useHealth, useStats } from '../queries.ts'
import { searchFor } from '../where.ts'
import { duration, number, percent } from '../words.ts'

const Chart = lazy(() => import('./chart.tsx'))
const spans: [number, string][] = [
  [15, '15 min'],
  [60, '1 h'],
  [360, '6 h'],
  [1_440, '24 h'],
]

export default function Overview() {
  const [minutes, setMinutes] = useState(60)
  const stats = useStats(minutes)
  return (
    <section className="page">
      <header className="page-head">
        <h1>Overview</h1>
        <div className="segments" role="group" aria-label="Time shown">
          {spans.map(([span, name]) => (
            <button key={span} type="button" aria-pressed={minutes === span} onClick={() => setMinutes(span)}>
              {name}
            </button>
          ))}
        </div>
      </header>
      {stats.error && stats.data && <p className="explain failed">Not up to date: {stats.error.message}</p>}
      <Shown query={stats}>{(data) => <Figures stats={data} minutes={minutes} />}</Shown>
      <div className="overview-lower">
        <Trouble />
        <Balance />
      </div>
    </section>
  )
}

function Figures({ stats, minutes }: { stats: Stats; minutes: number }) {
  const whole = stats.minutes.slice(0, -1).slice(-5)
  const each = (member: 'accepted' | 'succeeded' | 'failed') => whole.reduce((sum, one) => sum + one[member], 0) / Math.max(1, whole.length)
  const { latency, backlog, success_rate: rate } = stats
  const more = (count: number) => (count >= backlog.limit ? `${number(backlog.limit - 1)}+` : number(count))
  return (
    <>
      <div className="figures">
        <Figure name="Accepted" value={perMinute(each('accepted'))} note="events a minute" />
        <Figure name="Delivered" value={perMinute(each('succeeded'))} note="attempts a minute" />
        <Figure
          name="Failing"
          value={perMinute(each('failed'))}
          note="attempts a minute"
          tone={each('failed') > 0 ? 'bad' : ''}
          to={searchFor(['last_outcome', 'ne', 'succeeded'], ['last_attempt_at', 'gte', `-${minutes}m`])}
        />
        <Figure name="Success" value={rate === null ? '–' : percent(rate)} note="of attempts in this time" />
        <Figure
          name="Accept to delivery"
          value={latency ? duration(latency.p50_ms) : '–'}
          note={latency ? `p99 ${duration(latency.p99_ms)} · of ${number(latency.deliveries)}` : 'p50; none in this time'}
        />
        <Figure
          name="Waiting"
          value={more(backlog.pending + backlog.retrying)}
          note={`${more(backlog.due)} due · ${more(backlog.retrying)} retrying`}
          to={searchFor(['status', 'in', 'pending,retrying'])}
        />
        <Figure
          name="Oldest due"
          value={backlog.oldest_accepted_at ? duration(Date.parse(stats.to) - Date.parse(backlog.oldest_accepted_at)) : 'none'}
          note="since it was accepted"
        />
      </div>
      <section className="card">
        <Suspense fallback={<div className="chart" />}>
          <Chart stats={stats} />
        </Suspense>
      </section>
    </>
  )
}

const perMinute = (value: number) => (value === 0 || value >= 10 ? number(Math.round(value)) : value.toFixed(1))

type FigureProps = { name: string; value: string; note: ReactNode; tone?: string; to?: string }

function Figure({ name, value, note, tone = '', to }: FigureProps) {
  const inside = (
    <>
      <span className="figure-name">{name}</span>
      <strong className={tone}>{value}</strong>
      <span className="hint">{note}</span>
    </>
  )
  return to ? (
    <Link to={to} className="figure">
      {inside}
    </Link>
  ) : (
    <div className="figure">{inside}</div>
  )
}

const inTrouble = {
  filter: {
    or: [
      { field: 'status', op: 'eq', value: 'failing' },
      { field: 'disabled_reason', op: 'is_null', value: false },
    ],
  },
  sort: [{ field: 'last_failed_at', direction: 'desc' }],
  limit: 20,
}

function Trouble() {
  const health = useHealth()
  const query = useQuery({
    queryKey: ['webhooks in trouble'],
    queryFn: ({ signal }) => post<List<Webhook>>('/webhooks/filter', inTrouble, signal),
    refetchInterval: 5_000,
  })
  return (
    <section className="card">
      <h2>Webhooks in trouble</h2>
      <Shown query={query}>
        {({ data }) =>
          data.length === 0 ? (
            <p className="hint">None. Every webhook took what it was last sent.</p>
          ) : (
            <ul className="trouble">
              {data.map((webhook) => (
                <li key={webhook.id}>
                  <Link to={`/webhooks/${webhook.id}`} className="clip">
                    {webhook.label ?? webhook.url}
                  </Link>
                  <Badge state={webhook.status} />
                  <Sparkline health={health.data} id={webhook.id} />
                  <p className="break hint">
                    {webhook.disabled_reason ?? webhook.failure_details?.last_failed_reason} ·{' '}
                    <Ago at={webhook.failure_details?.last_failed_at ?? null} />
                  </p>
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
    </section>
  )
}

function Balance() {
  const query: UseQueryResult<Ledger> = useQuery({
    queryKey: ['ledger'],
    queryFn: ({ signal }) => get<Ledger>('/ledger', signal),
    refetchInterval: 30_000,
  })
  return (
    <section className="card">
      <h2>Ledger, last 24 hours</h2>
      {query.error && !query.data ? <Failed error={query.error} /> : <Shown query={query}>{(ledger) => <Account ledger={ledger} />}</Shown>}
    </section>
  )
}

function Account({ ledger }: { ledger: Ledger }) {
  const rows: [string, number][] = [
    ['delivered', ledger.delivered],
    ['failed', ledger.failed],
    ['cancelled', ledger.cancelled],
    ['matched nothing', ledger.matched_nothing],
    ['under way', ledger.pending],
  ]
  return (
    <>
      <p className={ledger.balanced ? 'balance good' : 'balance bad'}>
        {ledger.balanced ? 'It balances: every accepted event is accounted for.' : `${number(ledger.unbalanced)} events do not add up.`}
      </p>
      <table className="account">
        <tbody>
          {rows.map(([name, count]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{number(count)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">accepted</th>
            <td>{number(ledger.accepted)}</td>
          </tr>
        </tfoot>
      </table>
      {ledger.imbalances.data.slice(0, 5).map((one) => (
        <p key={one.event_id} className="hint">
          <Link to={`/events/${one.event_id}`}>
            <code>{one.event_id}</code>
          </Link>{' '}
          {one.reason.replaceAll('_', ' ')}
        </p>
      ))}
    </>
  )
}
