import type { Delivery } from '../../../shared/contracts/api/delivery.ts'
import type { EventSummary } from '../../../shared/contracts/api/event.ts'
import type { Io } from './io.ts'
import { clean, clock, paintStatus } from './print.ts'

/** A delivery in a line, as it stands. */
export function deliveryLine(io: Io, delivery: Delivery): string {
  const { updated_at, status, event_type, webhook_label, webhook_id, entity_name, attempts, generation, id } = delivery
  const parts = [
    io.paint('dim', clock(updated_at)),
    paintStatus(io, status),
    clean(event_type),
    `→ ${io.paint('bold', clean(webhook_label ?? webhook_id))}`,
    clean(entity_name ?? ''),
    whatHappened(delivery),
    status === 'pending' ? (generation > 0 ? 'sent again' : '') : attempts > 1 ? `attempt ${attempts}` : '',
    io.paint('dim', id),
  ]
  return parts.filter((part) => part !== '').join('  ')
}

function whatHappened({ status, last_status_code, last_error, reason, next_attempt_at }: Delivery): string {
  const answer = last_status_code === null ? clean(last_error ?? '') : String(last_status_code)
  if (status === 'pending') return ''
  if (status === 'succeeded') return answer
  if (status === 'retrying') return `${answer}, again at ${next_attempt_at === null ? '?' : clock(next_attempt_at).slice(11, 19)}`
  return [answer, clean(reason ?? '')].filter((text) => text !== '').join(': ')
}

export function eventLine(io: Io, { received_at, type, source, entity, matched, id }: EventSummary): string {
  const to =
    matched === null ? 'not matched yet' : matched === 0 ? 'matched by nothing' : `to ${matched} webhook${matched === 1 ? '' : 's'}`
  const parts = [
    io.paint('dim', clock(received_at)),
    io.paint('blue', 'event    '),
    clean(type),
    `from ${clean(source)}`,
    clean(entity?.name ?? entity?.id ?? ''),
    to,
    io.paint('dim', id),
  ]
  return parts.filter((part) => part !== '').join('  ')
}
