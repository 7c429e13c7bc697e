import { sql, type SQL } from 'drizzle-orm'
import type { DeliveryState, Outcome, OutcomeEntry } from '../../contracts/delivery.ts'
import { all, rowsOf, type Db, type Executor } from './database.ts'
import { bump } from './registry.ts'
import type { Health } from './webhook-health.ts'

/** Where a delivery stands: what never changes of it, and all that outcomes change. */
export type Standing = {
  id: string
  organizationId: string
  eventId: string
  eventType: string
  acceptedAt: number
  generation: number
  state: DeliveryState
  step: number
  attempts: number
  updatedAt: number
  lastAttemptAt: number | null
  lastOutcome: Outcome | null
  lastStatusCode: number | null
  lastError: string | null
  nextAttemptAt: number | null
  deliveredAt: number | null
  reason: string | null
  isChanged: boolean
}

/** The end of a delivery, and where it stood then. */
export type Ended = { entry: Extract<OutcomeEntry, { kind: 'finished' }>; delivery: Standing }

/** A row of attempts; structures as JSON. */
export type AttemptRow = {
  id: string
  deliveryId: string
  webhookId: string
  generation: number
  number: number
  startedAt: number
  finishedAt: number | null
  outcome: Outcome | null
  statusCode: number | null
  error: string | null
  timings: string | null
  request: string | null
  responseHeaders: string | null
  responseBody: string | null
  responseTruncated: boolean
  nextAttemptAt: number | null
  decision: string | null
  isChanged: boolean
}

export async function loadStanding(
  tx: Executor,
  entries: OutcomeEntry[],
): Promise<{ deliveries: Map<string, Standing>; attempts: Map<string, AttemptRow> }> {
  const ids = [...new Set(entries.map(({ deliveryId }) => deliveryId))]
  // in the order of their ids, so that two batches with the same ones wait for each other and not crosswise
  const deliveries = await all<Standing>(
    tx,
    sql`select id, organization_id as "organizationId", event_id as "eventId", event_type as "eventType", accepted_at as "acceptedAt", generation,
        state, step, attempts, updated_at as "updatedAt", last_attempt_at as "lastAttemptAt", last_outcome as "lastOutcome",
        last_status_code as "lastStatusCode", last_error as "lastError", next_attempt_at as "nextAttemptAt", delivered_at as "deliveredAt",
        reason, false as "isChanged"
      from deliveries where id = any(${sql.param(ids)}) order by id for update`,
  )
  const tried = deliveries.filter(({ attempts }) => attempts > 0).map(({ id }) => id)
  const attemptIds = entries.flatMap((entry) => ('attemptId' in entry ? entry.attemptId : []))
  // of the others there can be none
  const attempts = tried.length === 0 ? [] : await loadAttempts(tx, tried, attemptIds)
  return {
    deliveries: new Map(deliveries.map((one) => [one.id, one])),
    attempts: new Map(attempts.map((one) => [one.id, one])),
  }
}

const loadAttempts = (tx: Executor, deliveryIds: string[], attemptIds: string[]): Promise<AttemptRow[]> =>
  all(
    tx,
    sql`select id, delivery_id as "deliveryId", webhook_id as "webhookId", generation, number, started_at as "startedAt", finished_at as "finishedAt",
        outcome, status_code as "statusCode", error, timings, request, response_headers as "responseHeaders", response_body as "responseBody",
        response_truncated as "responseTruncated", next_attempt_at as "nextAttemptAt", decision, false as "isChanged"
      from attempts where delivery_id = any(${sql.param(deliveryIds)}) and (outcome is null or id = any(${sql.param(attemptIds)}))`,
  )

const attemptColumns = `id text, "deliveryId" text, "webhookId" text, generation int, number int, "startedAt" bigint, "finishedAt" bigint,
  outcome text, "statusCode" int, error text, timings text, request text, "responseHeaders" text, "responseBody" text,
  "responseTruncated" boolean, "nextAttemptAt" bigint, decision text`

export async function saveAttempts(tx: Executor, rows: AttemptRow[]): Promise<void> {
  if (rows.length === 0) return
  await tx.execute(sql`
    insert into attempts (id, delivery_id, webhook_id, generation, number, started_at, finished_at, outcome, status_code, error, timings, request,
      response_headers, response_body, response_truncated, next_attempt_at, decision)
    select id, "deliveryId", "webhookId", generation, number, "startedAt", "finishedAt", outcome, "statusCode", error, timings::json, request::json,
      "responseHeaders"::json, "responseBody", "responseTruncated", "nextAttemptAt", decision
    from ${rowsOf(rows, attemptColumns)}
    on conflict (delivery_id, id) do update set finished_at = excluded.finished_at, outcome = excluded.outcome,
      status_code = excluded.status_code, error = excluded.error, timings = excluded.timings, request = excluded.request,
      response_headers = excluded.response_headers, response_body = excluded.response_body,
      response_truncated = excluded.response_truncated, next_attempt_at = excluded.next_attempt_at, decision = excluded.decision
    where attempts.outcome is null or attempts.outcome = 'interrupted'`)
}

const standingColumns = `id text, state text, step int, attempts int, "updatedAt" bigint, "lastAttemptAt" bigint, "lastOutcome" text,
  "lastStatusCode" int, "lastError" text, "nextAttemptAt" bigint, "deliveredAt" bigint, reason text`

export async function saveDeliveries(tx: Executor, rows: Standing[]): Promise<void> {
  if (rows.length === 0) return
  // the ids twice: in the list they lead to the partitions before anything is planned
  await tx.execute(sql`
    update deliveries set state = r.state, step = r.step, attempts = r.attempts, updated_at = r."updatedAt", last_attempt_at = r."lastAttemptAt",
      last_outcome = r."lastOutcome", last_status_code = r."lastStatusCode", last_error = r."lastError", next_attempt_at = r."nextAttemptAt",
      delivered_at = r."deliveredAt", reason = r.reason
    from ${rowsOf(rows, standingColumns)}
    where deliveries.id = r.id and deliveries.id = any(${sql.param(rows.map(({ id }) => id))})`)
}

const healthColumns = `id text, "succeededAt" bigint, failures int, exhausted boolean, "failingSince" bigint, "nextAttemptAt" bigint,
  "failedAt" bigint, "failedStatusCode" int, "failedReason" text, "failedOutcome" text`

export async function saveHealth(tx: Executor, health: Map<string, Health>): Promise<void> {
  if (health.size === 0) return
  const rows = [...health].map(([id, { lastFailure, ...rest }]) => ({
    id,
    ...rest,
    failedAt: lastFailure?.at ?? null,
    failedStatusCode: lastFailure?.statusCode ?? null,
    failedReason: lastFailure?.reason ?? null,
    failedOutcome: lastFailure?.outcome ?? null,
  }))
  const unless = (condition: SQL, value: SQL, otherwise: SQL) => sql`case when ${condition} then ${otherwise} else ${value} end`
  const wasWell = sql`r."succeededAt" is not null`
  const neverFailed = sql`r."failedAt" is null`
  await tx.execute(sql`
    with held as materialized (select id from webhooks where id = any(${sql.param([...health.keys()])}) order by id for no key update)
    update webhooks set last_succeeded_at = greatest(last_succeeded_at, r."succeededAt"),
      consecutive_failures = ${unless(wasWell, sql`consecutive_failures`, sql`0`)} + r.failures,
      retries_exhausted = ${unless(wasWell, sql`retries_exhausted`, sql`false`)} or r.exhausted,
      failing_since = coalesce(${unless(wasWell, sql`failing_since`, sql`null`)}, r."failingSince"),
      warnings = ${unless(wasWell, sql`warnings`, sql`0`)}, next_attempt_at = r."nextAttemptAt",
      last_failed_at = coalesce(r."failedAt", last_failed_at), last_failed_outcome = coalesce(r."failedOutcome", last_failed_outcome),
      last_failed_reason = coalesce(r."failedReason", last_failed_reason),
      last_failed_status_code = ${unless(neverFailed, sql`r."failedStatusCode"`, sql`last_failed_status_code`)}
    from ${rowsOf(rows, healthColumns)} join held on held.id = r.id where webhooks.id = held.id`)
}

/** Whether it was active until now. */
export async function disableWebhook(tx: Executor, webhookId: string, reason: string, now: number): Promise<boolean> {
  const { rowCount } = await tx.execute(
    sql`update webhooks set active = false, disabled_reason = ${reason}, updated_at = ${now} where id = ${webhookId} and active`,
  )
  if (rowCount !== 1) return false
  await bump(tx)
  return true
}

/** Those of the events no open delivery of which is due before `far`. */
export async function eventsAtRest(db: Db, eventIds: string[], far: number): Promise<string[]> {
  if (eventIds.length === 0) return []
  const sorted = eventIds.toSorted()
  const [first, last] = [sorted[0] as string, sorted.at(-1) as string]
  // A delivery's id begins with the time of its event's: that leads to its partition. Its state is asked for in a way that the index
  // of open deliveries has no part in: where many more are open than Postgres believes, it would read them all.
  const rows = await all<{ id: string }>(
    db,
    sql`select distinct event_id as id from deliveries where event_id = any(${sql.param(eventIds)}) and id >= ${first.slice(0, 13)}
      and id < ${`${last.slice(0, 13)}~`} and state || '' in ('pending', 'retrying') and next_attempt_at <= ${far}`,
  )
  const open = new Set(rows.map(({ id }) => id))
  return eventIds.filter((id) => !open.has(id))
}
