import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Event } from '../../shared/contracts/event.ts'
import { GoogleChat, PagerDuty, Slack, Teams } from '../support/chat-schemas.ts'
import { hostileEvents } from '../support/hostile-events.ts'
import { contextFor, loadFormats } from '../support/samples.ts'

const formats = await loadFormats()
const bodyOf = (name: string, event: Event): string => {
  const payload = formats.get(name).render(event, contextFor(formats.get(name)))
  return Buffer.from(payload.body).toString()
}
const batchOf = (name: string, events: Event[]): string => {
  const format = formats.get(name)
  const payload = format.renderBatch?.(events, contextFor(format))
  return Buffer.from(payload?.body ?? '').toString()
}
const hostileBatches = fc.array(hostileEvents, { minLength: 1, maxLength: 100 })

/** Every string of a body, member names too. */
function* strings(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value
  else if (typeof value === 'object' && value !== null)
    for (const [name, member] of Object.entries(value)) {
      yield name
      yield* strings(member)
    }
}

const services = [
  { name: 'slack', schema: Slack, bytes: 40_000, characters: 13_000 },
  { name: 'msteams', schema: Teams, bytes: 21_504, characters: 21_504 },
  { name: 'googlechat', schema: GoogleChat, bytes: 32_000, characters: 32_000 },
  { name: 'pagerduty', schema: PagerDuty, bytes: 512_000, characters: 512_000 },
]

type Service = Pick<(typeof services)[number], 'schema' | 'bytes' | 'characters'>

function isSound(body: string, { schema, bytes, characters }: Service): void {
  const parsed: unknown = JSON.parse(body)
  expect(schema.safeParse(parsed).error?.issues).toBeUndefined()
  expect(body.length).toBeLessThanOrEqual(characters)
  expect(Buffer.byteLength(body)).toBeLessThanOrEqual(bytes)
  for (const shown of strings(parsed)) {
    // halves of characters, controls but our own line breaks, and what turns the line round
    expect(shown).not.toMatch(/\p{Cs}/u)
    expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066\u2067]/u)
  }
}

describe.each(services)('$name', ({ name, schema, bytes, characters }) => {
  it('is valid and within every limit, whatever the event', () => {
    fc.assert(
      fc.property(hostileEvents, (event) => isSound(bodyOf(name, event), { schema, bytes, characters })),
      { numRuns: 100 },
    )
  })
})

describe.each(services.filter(({ name }) => formats.get(name).renderBatch))('$name, in batches', ({ name, ...service }) => {
  it('is valid and within every limit, whatever the events and however many', () => {
    isSound(batchOf(name, []), service)
    fc.assert(
      fc.property(hostileBatches, (events) => isSound(batchOf(name, events), service)),
      { numRuns: 25 },
    )
  })
})

/** Alone, as most events come, and in batches. */
const oneOrMore = fc.oneof({ weight: 3, arbitrary: fc.tuple(hostileEvents) }, fc.array(hostileEvents, { minLength: 2, maxLength: 8 }))
const shownIn = (name: string, events: Event[]): string => (events.length === 1 ? bodyOf(name, events[0] as Event) : batchOf(name, events))
const own = { code: /`[^`\n]*`/g, link: /<https?:\/\/[^<>|\s]+\|[^<>|]*>/g }

describe('markup of others', () => {
  it('stays text in Slack: no mention, no link but ours, no formatting but ours', () => {
    fc.assert(
      fc.property(oneOrMore, (events) => {
        const { text: fallback, blocks } = Slack.parse(JSON.parse(shownIn('slack', events)))
        const objects = blocks.flatMap((block) => ('fields' in block ? block.fields : 'elements' in block ? block.elements : [block.text]))
        for (const { text: shown } of [{ text: fallback }, ...objects]) {
          const rest = shown.replace(own.link, '')
          expect(rest).not.toMatch(/[<>]/)
          expect(rest).not.toMatch(/&(?!amp;|lt;|gt;)/)
        }
        for (const object of objects) {
          if (object.type !== 'mrkdwn') continue
          const around = object.text.replace(own.code, '').replace(own.link, '')
          expect(around.replace(/^\*[^*\n]+\*\n/, '')).not.toMatch(/[*_~`]/)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('stays text in Google Chat: no tag, no mention, nothing that is half an entity', () => {
    fc.assert(
      fc.property(oneOrMore, (events) => {
        const { text: fallback, cardsV2 } = GoogleChat.parse(JSON.parse(shownIn('googlechat', events)))
        const { header, sections } = cardsV2[0].card
        for (const plain of [fallback, header.title, header.subtitle]) expect(plain).not.toMatch(/[<>]/)
        for (const widget of sections.flatMap(({ widgets }) => widgets)) {
          const html = 'decoratedText' in widget ? widget.decoratedText.text : 'textParagraph' in widget ? widget.textParagraph.text : ''
          expect(html).not.toMatch(/[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)/)
        }
      }),
      { numRuns: 100 },
    )
  })
})

describe('what there is no room for', () => {
  const huge: Event = {
    id: '0190b6a2-7c1e-7a64-9a0e-3d7d2f5f7b11',
    organizationId: 'org',
    source: 'warehouse',
    type: 'table.updated',
    time: '2026-04-15T09:00:03Z',
    entity: {
      type: 'table',
      name: `${'very.'.repeat(600)}long`,
      owners: Array.from({ length: 100 }, (_, i) => `owner ${i} ${'&'.repeat(480)}`),
    },
    change: {
      updated: Array.from({ length: 1_000 }, (_, i) => ({
        name: `column ${i}`,
        old_value: '<'.repeat(9_000),
        new_value: '漢'.repeat(9_000),
      })),
    },
    data: 'null',
  }

  it.each(['slack', 'msteams', 'googlechat', 'pagerduty'])('is counted and marked in %s', (name) => {
    const body = bodyOf(name, huge)
    expect(body).toMatch(/9\d\d more changes|1000 changes/)
    expect(body).toContain('…')
    expect(body).toContain('very.long')
  })

  it.each(['slack', 'msteams', 'googlechat'])('is counted and marked in a batch in %s, and what matters first is there', (name) => {
    const numbered = Array.from({ length: 100 }, (_, i) => ({ ...huge, entity: { type: 'table', name: `orders_${i}.${'x'.repeat(500)}` } }))
    const body = batchOf(name, numbered)
    expect(body).toContain('100 events from warehouse')
    expect(body).toMatch(/and \d\d more events/)
    expect(body).toContain('…')
  })
})

describe('a batch', () => {
  const about = (name: string): Event => ({
    id: `id-${name}`,
    organizationId: 'org',
    source: 'warehouse',
    type: 'table.updated',
    time: '2026-04-15T09:00:03Z',
    entity: { type: 'table', name, url: `https://catalog.example/${name}` },
    change: { updated: [{ name: 'description', old_value: 'old words', new_value: 'new words' }] },
    data: 'null',
  })
  const few = ['orders', 'customers', 'refunds'].map(about)

  it.each(['slack', 'msteams', 'googlechat'])('in %s says how many, each with its change and its link, in their order', (name) => {
    const body = batchOf(name, few)
    expect(body).toContain('3 events from warehouse')
    expect(body).toMatch(/orders.*customers.*refunds/s)
    expect(body.match(/old words → new words/g)).toHaveLength(3)
    for (const { entity } of few) expect(body).toContain(entity?.url)
    expect(body).not.toContain('more')
  })

  it.each(['slack', 'msteams', 'googlechat'])('of one event is the message of that event in %s', (name) => {
    const [only] = few as [Event]
    expect(batchOf(name, [only])).toBe(bodyOf(name, only))
  })

  it('is in no thread of one object, and PagerDuty, where each event is an incident of its own, has none', () => {
    expect(JSON.parse(batchOf('googlechat', few))).not.toHaveProperty('thread')
    expect(formats.get('pagerduty').renderBatch).toBeUndefined()
  })
})
