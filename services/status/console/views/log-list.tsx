import { useVirtualizer } from '@tanstack/react-virtual'
import { memo, useEffect, useRef, useState, type KeyboardEvent } from 'react'
import { Link, useLocation } from 'wouter'
import type { Delivery } from '../../../../shared/contracts/api/delivery.ts'
import type { useLog } from '../log.ts'
import { Badge, Code } from '../parts/badge.tsx'
import { At } from '../parts/time.tsx'
import { plural } from '../words.ts'

type Props = Pick<ReturnType<typeof useLog>, 'rows' | 'pages'> & {
  selected: ReadonlySet<string>
  onSelect(selected: ReadonlySet<string>): void
  onScrolled(scrolled: boolean): void
}

/** As the style sheet says, where the screen is wide and where it is narrow. */
const heights = { wide: 34, narrow: 58 }
const narrow = '(max-width: 760px)'

/** Only the rows that are seen are on the page, however many there are. */
export function LogList({ rows, pages, selected, onSelect, onScrolled }: Props) {
  const scroller = useRef<HTMLDivElement>(null)
  const isNarrow = useMedia(narrow)
  const [current, setCurrent] = useState(0)
  const virtual = useVirtualizer({
    count: rows.length + (pages.hasNextPage ? 1 : 0),
    getScrollElement: () => scroller.current,
    estimateSize: () => (isNarrow ? heights.narrow : heights.wide),
    overscan: 12,
  })
  useEffect(() => virtual.measure(), [isNarrow, virtual])
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  const { hasNextPage, isFetchingNextPage, fetchNextPage, isFetchNextPageError } = pages
  useEffect(() => {
    if (last >= rows.length - 40 && hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage()
  }, [last, rows.length, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage])

  const toggle = useStable((id: string) => {
    const next = new Set(selected)
    if (!next.delete(id)) next.add(id)
    onSelect(next)
  })
  const move = useListKeys({ rows, current, setCurrent, toggle, show: (index) => virtual.scrollToIndex(index) })
  const allShown = rows.length > 0 && selected.size >= rows.length && rows.every(({ id }) => selected.has(id))
  return (
    <div className="log-frame">
      <div className="log-row log-head" aria-hidden="true">
        <label className="check">
          <input
            type="checkbox"
            tabIndex={-1}
            checked={allShown}
            onChange={() => onSelect(allShown ? new Set() : new Set(rows.map(({ id }) => id)))}
          />
        </label>
        <div className="log-link">
          {['Status', 'Event type', 'Entity', 'Webhook', 'Code', 'Tries', 'Accepted'].map((name) => (
            <span key={name} className={name === 'Accepted' ? 'when' : ''}>
              {name}
            </span>
          ))}
        </div>
      </div>
      <div
        ref={scroller}
        className="log"
        role="listbox"
        aria-label="Deliveries"
        aria-multiselectable="true"
        aria-activedescendant={rows[current] && `row-${rows[current].id}`}
        tabIndex={0}
        onKeyDown={move}
        onScroll={({ currentTarget }) => onScrolled(currentTarget.scrollTop > 8)}
      >
        <div className="log-inner" style={{ height: virtual.getTotalSize() }}>
          {items.map(({ index, start }) => {
            const row = rows[index]
            if (!row) return <More key="more" start={start} failed={isFetchNextPageError} onRetry={() => void fetchNextPage()} />
            return (
              <Row key={row.id} row={row} start={start} selected={selected.has(row.id)} current={index === current} onToggle={toggle} />
            )
          })}
        </div>
      </div>
    </div>
  )
}

type RowProps = { row: Delivery; start: number; selected: boolean; current: boolean; onToggle(id: string): void }

const Row = memo(function Row({ row, start, selected, current, onToggle }: RowProps) {
  const what = row.entity_name ?? row.entity_id ?? row.subject
  return (
    <div
      id={`row-${row.id}`}
      role="option"
      aria-selected={selected}
      className={`log-row ${current ? 'current' : ''}`}
      style={{ transform: `translateY(${start}px)` }}
    >
      <label className="check">
        <input type="checkbox" tabIndex={-1} checked={selected} onChange={() => onToggle(row.id)} aria-label="Select" />
      </label>
      <Link to={`/deliveries/${row.id}`} className="log-link" tabIndex={-1}>
        <Badge state={row.status} />
        <span className="type clip">{row.event_type}</span>
        <span className="entity clip" title={what ?? undefined}>
          {what ?? <span className="faint">–</span>}
        </span>
        <span className="webhook clip" title={row.webhook_url}>
          {row.webhook_label ?? row.webhook_url}
        </span>
        <span className="answer" title={row.last_error ?? undefined}>
          {row.last_status_code === null && row.last_outcome !== null && row.last_outcome !== 'succeeded' ? (
            <span className="no-answer">{row.last_outcome.replaceAll('_', ' ')}</span>
          ) : (
            <Code code={row.last_status_code} />
          )}
        </span>
        <span className="tries" title={plural(row.attempts, 'attempt')}>
          {row.attempts}
          {row.generation > 0 && <sup title={`sent again ${row.generation} times`}>+{row.generation}</sup>}
        </span>
        <span className="when">
          <At at={row.accepted_at} />
        </span>
      </Link>
    </div>
  )
})

const More = ({ start, failed, onRetry }: { start: number; failed: boolean; onRetry(): void }) => (
  <div className="log-row more" style={{ transform: `translateY(${start}px)` }}>
    {failed ? (
      <button type="button" className="link" onClick={onRetry}>
        The next page did not come. Try again
      </button>
    ) : (
      <span role="status">looking further back …</span>
    )}
  </div>
)

type Keys = { rows: Delivery[]; current: number; setCurrent(index: number): void; toggle(id: string): void; show(index: number): void }

function useListKeys({ rows, current, setCurrent, toggle, show }: Keys) {
  const [, navigate] = useLocation()
  return (event: KeyboardEvent) => {
    const row = rows[current]
    const to = (index: number) => {
      const next = Math.max(0, Math.min(rows.length - 1, index))
      setCurrent(next)
      show(next)
    }
    const steps: Record<string, number> = {
      ArrowDown: 1,
      j: 1,
      ArrowUp: -1,
      k: -1,
      PageDown: 20,
      PageUp: -20,
      Home: -rows.length,
      End: rows.length,
    }
    const step = steps[event.key]
    if (step !== undefined) to(current + step)
    else if (event.key === 'Enter' && row) navigate(`/deliveries/${row.id}`)
    else if ((event.key === ' ' || event.key === 'x') && row) toggle(row.id)
    else return
    event.preventDefault()
  }
}

function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches)
  useEffect(() => {
    const media = matchMedia(query)
    const change = () => setMatches(media.matches)
    media.addEventListener('change', change)
    return () => media.removeEventListener('change', change)
  }, [query])
  return matches
}

/** The same function for ever, so that rows that did not change are not drawn again. */
function useStable<A extends unknown[]>(handler: (...args: A) => void): (...args: A) => void {
  const latest = useRef(handler)
  latest.current = handler
  return useRef((...args: A) => latest.current(...args)).current
}
