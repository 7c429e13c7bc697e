import { useEffect, useMemo, useState } from 'react'
import { useLocation, useSearch } from 'wouter'
import type { Filter } from '../../../../shared/contracts/filter.ts'
import { useLog } from '../log.ts'
import { Button } from '../parts/button.tsx'
import { Failed, Loading, NothingHere } from '../parts/states.tsx'
import { number, plural } from '../words.ts'
import { filterOf, readSearch, writeSearch, type Search } from '../where.ts'
import { BulkBar, BulkDialog, type Bulk } from './bulk.tsx'
import { FilterBuilder } from './filter-builder.tsx'
import { LogList } from './log-list.tsx'
import { useMatching } from './matching.ts'

export default function Deliveries() {
  const query = useSearch()
  const [, navigate] = useLocation()
  const search = useMemo(() => readSearch(query), [query])
  const { filter, problem } = useMemo(() => parsed(search), [search])
  const change = (next: Search) => navigate(`/deliveries?${writeSearch(next)}`)
  return (
    <section className="page fill">
      <header className="page-head">
        <h1>Deliveries</h1>
      </header>
      <FilterBuilder key={search.raw} search={search} onChange={change} />
      {problem ? <Failed error={new Error(problem)} /> : <Log key={query} search={search} filter={filter} onChange={change} />}
    </section>
  )
}

function parsed(search: Search): { filter?: Filter | undefined; problem?: string } {
  try {
    const filter = filterOf(search, Date.now())
    return { filter: filter && Object.keys(filter).length > 0 ? filter : undefined }
  } catch (error) {
    return { problem: `The filter is not JSON: ${(error as Error).message}` }
  }
}

type LogProps = { search: Search; filter: Filter | undefined; onChange(search: Search): void }

function Log({ search, filter, onChange }: LogProps) {
  const [live, setLive] = useState(true)
  const [scrolled, setScrolled] = useState(false)
  const { rows, pages, waiting } = useLog(search, filter, live, scrolled)
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const [bulk, setBulk] = useState<Bulk>()
  const matching = useMatching(filter, live)
  useLiveKey(() => setLive((was) => !was))

  return (
    <>
      <div className="toolbar">
        <Button icon={live ? 'pause' : 'play'} aria-pressed={live} className={live ? 'live' : ''} onClick={() => setLive(!live)}>
          {live ? 'Live' : 'Paused'}
        </Button>
        <span className="count" role="status">
          {matching
            ? `${number(matching.count)}${matching.exact ? '' : '+'} ${matching.count === 1 ? 'delivery' : 'deliveries'}`
            : 'counting …'}
        </span>
        <select
          aria-label="Order"
          value={search.direction}
          onChange={({ target }) => onChange({ ...search, direction: target.value === 'asc' ? 'asc' : 'desc' })}
        >
          <option value="desc">newest first</option>
          <option value="asc">oldest first</option>
        </select>
        <span className="grow" />
        <Button icon="again" onClick={() => setBulk({ kind: 'all' })} disabled={rows.length === 0}>
          Redeliver all that match
        </Button>
      </div>
      {selected.size > 0 && (
        <BulkBar
          count={selected.size}
          onRedeliver={() => setBulk({ kind: 'some', ids: [...selected] })}
          onClear={() => setSelected(new Set())}
        />
      )}
      {waiting > 0 && (
        <button type="button" className="waiting" onClick={() => document.querySelector('.log')?.scrollTo({ top: 0 })}>
          {plural(waiting, 'new delivery', 'new deliveries')} above
        </button>
      )}
      <Rows
        rows={rows}
        pages={pages}
        selected={selected}
        onSelect={setSelected}
        onScrolled={setScrolled}
        hasFilter={filter !== undefined}
      />
      {bulk && (
        <BulkDialog
          bulk={bulk}
          filter={filter}
          onClose={() => {
            setBulk(undefined)
            setSelected(new Set())
          }}
        />
      )}
    </>
  )
}

type RowsProps = Pick<ReturnType<typeof useLog>, 'rows' | 'pages'> & {
  selected: ReadonlySet<string>
  onSelect(selected: ReadonlySet<string>): void
  onScrolled(scrolled: boolean): void
  hasFilter: boolean
}

function Rows({ rows, pages, hasFilter, ...rest }: RowsProps) {
  if (pages.isPending) return <Loading />
  if (pages.error && rows.length === 0) return <Failed error={pages.error} onRetry={() => void pages.refetch()} />
  if (rows.length > 0 || pages.hasNextPage) return <LogList rows={rows} pages={pages} {...rest} />
  return hasFilter ? (
    <NothingHere title="Nothing matches" text="No delivery in the log matches this filter. Take a condition away, or widen the time." />
  ) : (
    <NothingHere
      title="No deliveries yet"
      text="They appear here as soon as an event is accepted that a webhook subscribes to. A webhook's page can send it a test event."
    />
  )
}

function useLiveKey(toggle: () => void) {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key === 'l' && !event.ctrlKey && !event.metaKey && !/^(INPUT|SELECT|TEXTAREA)$/.test((event.target as HTMLElement).tagName))
        toggle()
    }
    document.addEventListener('keydown', press)
    return () => document.removeEventListener('keydown', press)
  })
}
