import { describe, expect, it } from 'vitest'
import { encoded } from '../../services/ingest/fields.ts'
import opteryx from '../../services/ingest/sources/opteryx.ts'

const limits = { eventBytes: 10_000, eventsPerRequest: 10, depth: 64 }

describe('half a character', () => {
  it('is marked in a URI, and whole ones are kept', () => {
    expect(encoded('\ud800/é😀')).toBe(`${encodeURIComponent('\ufffd')}%2F${encodeURIComponent('é😀')}`)
  })

  it('in a name of Opteryx does not keep its event from being taken', () => {
    const event = { action: 'update', workspace: 'w', collection: '\udc00\ud800', resource_type: 'view', resource_name: 'v', timestamp: 1 }
    const body = Buffer.from(JSON.stringify({ event, data: {} }))

    const drafts = opteryx.parse({ headers: { 'content-type': 'application/json' }, body }, limits)

    expect(drafts).toMatchObject([{ type: 'view.update', subject: 'w/%EF%BF%BD%EF%BF%BD/v' }])
  })
})
