import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { z } from 'zod'
import type { AuditCheck, AuditEntry } from '../../../../shared/contracts/api/audit.ts'
import { get, type List } from '../api.ts'
import { Button } from '../parts/button.tsx'
import { Differences } from '../parts/diff.tsx'
import { Failed, Loading, NothingHere } from '../parts/states.tsx'
import { At } from '../parts/time.tsx'
import { say, sayFailed } from '../parts/toasts.tsx'
import { plural } from '../words.ts'

export default function Audit() {
  const [target, setTarget] = useState('')
  const query = useInfiniteQuery({
    queryKey: ['audit', target],
    queryFn: ({ pageParam, signal }) =>
      get<List<AuditEntry>>(
        `/audit?limit=100${target ? `&target_type=${target}` : ''}${pageParam ? `&after=${encodeURIComponent(pageParam)}` : ''}`,
        signal,
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.meta.next_cursor ?? undefined,
  })
  const entries = query.data?.pages.flatMap((page) => page.data) ?? []
  return (
    <section className="page">
      <header className="page-head">
        <h1>Audit</h1>
        <Verify />
      </header>
      <div className="row">
        <p className="hint">Who changed what. Entries are only ever added; each is sealed over the one before it.</p>
        <span className="grow" />
        <select aria-label="Kind of record" value={target} onChange={(event) => setTarget(event.target.value)}>
          <option value="">everything</option>
          {['webhooks', 'sources', 'keys', 'event-types', 'webhook-deliveries', 'redeliveries', 'directory'].map((kind) => (
            <option key={kind}>{kind}</option>
          ))}
        </select>
      </div>
      {query.isPending && <Loading />}
      {query.error && <Failed error={query.error} onRetry={() => void query.refetch()} />}
      {query.data && entries.length === 0 && <NothingHere title="Nothing was changed yet" />}
      <ul className="audit">
        {entries.map((entry) => (
          <Entry key={entry.seq} entry={entry} />
        ))}
      </ul>
      {query.hasNextPage && (
        <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Further back
        </Button>
      )}
    </section>
  )
}

const Entry = ({ entry }: { entry: AuditEntry }) => (
  <li>
    <details>
      <summary>
        <At at={entry.at} /> <strong>{entry.actor_label ?? entry.actor}</strong> <code>{entry.action}</code>{' '}
        <span className="break faint">{entry.target_id}</span>
      </summary>
      <Differences before={entry.before} after={entry.after} />
      <p className="hint break">
        entry {entry.seq} · key {entry.actor} · {entry.request_id && `request ${entry.request_id} · `}hash {entry.hash}
      </p>
    </details>
  </li>
)

function Verify() {
  const [busy, setBusy] = useState(false)
  const verify = async () => {
    setBusy(true)
    await get<z.infer<typeof AuditCheck>>('/audit/verify').then(
      ({ valid, entries, broken_at }) =>
        say(
          valid
            ? `${plural(entries, 'entry', 'entries')} checked: nothing was changed or taken out.`
            : `Entry ${broken_at} does not fit: it, or one before it, was changed.`,
          valid ? 'done' : 'failed',
        ),
      sayFailed,
    )
    setBusy(false)
  }
  return (
    <Button icon="check" busy={busy} onClick={() => void verify()}>
      Check the seals
    </Button>
  )
}
