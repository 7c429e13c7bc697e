import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AdaptiveCard, SerializationContext, Versions } from 'adaptivecards'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Event } from '../../shared/contracts/event.ts'
import { hostileEvents } from '../support/hostile-events.ts'
import { contextFor, loadFormats, sampleEvents } from '../support/samples.ts'

/**
 * What the services publish of their own forms, as code that nobody here wrote: Microsoft's library reads our cards,
 * and TypeScript holds our blocks against Slack's types. Google publishes no such types of `cardsV2` alone.
 */
const formats = await loadFormats()
const samples = (await sampleEvents()).map(({ event }) => event)
const hostile = fc.sample(hostileEvents, { numRuns: 150, seed: 1 })
const single = (name: string, event: Event): unknown =>
  JSON.parse(Buffer.from(formats.get(name).render(event, contextFor(formats.get(name))).body).toString())
const together = (name: string, events: Event[]): unknown =>
  JSON.parse(Buffer.from(formats.get(name).renderBatch?.(events, contextFor(formats.get(name))).body ?? '').toString())

/** Every body that the format makes of them: one by one, and in batches of several sizes. */
function bodies(name: string, events: Event[]): unknown[] {
  const batches = [2, 7, 40, events.length].map((size) => together(name, events.slice(0, size)))
  return [...events.map((event) => single(name, event)), ...batches]
}

describe('cards for Microsoft Teams', () => {
  type Card = { body: unknown[]; actions?: unknown[] }
  const cardOf = (body: unknown): Card => (body as { attachments: [{ content: Card }] }).attachments[0].content

  /** What Microsoft's library finds wrong with a card of version 1.2, and how many elements it takes from it. */
  function read(content: object): { elements: number; actions: number; faults: string[] } {
    const card = new AdaptiveCard()
    const context = new SerializationContext(Versions.v1_2)
    card.parse(content, context)
    const faults = Array.from({ length: context.eventCount }, (_, at) => context.getEventAt(at).message)
    const invalid = card.validateProperties().validationEvents.map(({ message }) => message)
    return { elements: card.getItemCount(), actions: card.getActionCount(), faults: [...faults, ...invalid] }
  }

  it.each([
    { title: 'of all samples', events: samples },
    { title: 'of hostile events', events: hostile },
  ])('$title are read whole and without a fault', ({ events }) => {
    expect(events.length).toBeGreaterThan(20)
    for (const card of bodies('msteams', events).map(cardOf)) {
      expect(read(card)).toEqual({ elements: card.body.length, actions: card.actions?.length ?? 0, faults: [] })
    }
  })

  it('would be faulted, were there anything wrong with them', () => {
    const inlines = [{ type: 'TextRun', text: 'x', weight: 'Heavy' }]
    const body = [{ type: 'RichTextBlok' }, { type: 'RichTextBlock', inlines }]
    const { elements, faults } = read({ type: 'AdaptiveCard', version: '1.2', body, actions: [{ type: 'Action.OpenUrl', title: 'x' }] })
    expect(elements).toBe(1)
    expect(faults.length).toBeGreaterThanOrEqual(3)
  })
})

describe('blocks for Slack', () => {
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidings-types-'))
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  })
  afterAll(() => rm(folder, { recursive: true }))

  /** The compiler's faults with these bodies, written down as literals of Slack's own types. */
  async function faultsOf(name: string, all: unknown[]): Promise<string> {
    const declared = 'const all: { text: string; blocks: KnownBlock[] }[]'
    await mkdir(join(folder, name))
    const file = join(folder, name, 'blocks.ts')
    await writeFile(file, `import type { KnownBlock } from '@slack/types'\nexport ${declared} = ${JSON.stringify(all, null, 1)}\n`)
    const args = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--skipLibCheck',
      '--ignoreConfig',
      '--types',
      '',
      '--pretty',
      'false',
      file,
    ]
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    return new Promise((resolve) => {
      execFile(process.execPath, [tsc, ...args], { cwd: folder, timeout: 50_000 }, (error, stdout, stderr) =>
        resolve(error ? stdout || stderr || error.message : stdout),
      )
    })
  }

  it('are what its types say, of all samples, of hostile events, and in batches', async () => {
    expect(await faultsOf('ours', [...bodies('slack', samples), ...bodies('slack', hostile.slice(0, 40))])).toBe('')
  })

  it('would be faulted, were there anything wrong with them', async () => {
    const blocks = [{ type: 'header', text: { type: 'mrkdwn', text: 'x' } }]
    expect(await faultsOf('wrong', [{ text: 'x', blocks }])).toContain('is not assignable to type')
  })
})
