import { describe, expect, it } from 'vitest'
import type { EventDraft } from '../../shared/contracts/event.ts'
import type { NewEvent } from '../../shared/storage/storage.ts'
import { accept, type AcceptDeps } from '../../services/ingest/accept.ts'

/** What storage is given to tell two events with one id by. */
async function hashesOf(identity: 'bytes' | 'id' | undefined, ...drafts: { id?: string; raw: string }[]): Promise<string[]> {
  let stored: NewEvent[] = []
  const deps = {
    storage: {
      events: {
        async accept({ events }: { events: NewEvent[] }) {
          stored = events
          return { kind: 'accepted', events: events.map(({ envelope }) => ({ id: envelope.id, duplicate: false })) }
        },
      },
    },
    relay: { plan: () => undefined, offer: () => {} },
    pressure: { check: () => {} },
    clock: { now: () => 0 },
    log: { info: () => {}, error: () => {} },
  } as unknown as AcceptDeps
  const events = drafts.map(
    ({ id, raw }): EventDraft => ({
      type: 'a.b',
      raw: Buffer.from(raw),
      data: { text: 'null' },
      ...(id !== undefined && { sourceEventId: id }),
    }),
  )
  await accept({ organizationId: 'o', source: 's', drafts: events, headers: {}, ...(identity && { identity }) }, deps)
  return stored.map(({ bodyHash }) => bodyHash)
}

describe('what makes two events with one id the same', () => {
  const twice = [
    { id: 'x', raw: '{"attempt":1}' },
    { id: 'x', raw: '{"attempt":2}' },
  ]

  it('is the body, unless the adapter says that the id is enough', async () => {
    for (const identity of ['bytes', undefined] as const) expect(new Set(await hashesOf(identity, ...twice)).size).toBe(2)
    expect(new Set(await hashesOf('id', ...twice)).size).toBe(1)
    expect(new Set(await hashesOf('id', ...twice, { id: 'y', raw: '{"attempt":1}' })).size).toBe(2)
  })

  it('is the body where there is no id', async () => {
    expect(new Set(await hashesOf('id', ...twice.map(({ raw }) => ({ raw })))).size).toBe(2)
  })
})
