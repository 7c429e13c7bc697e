import type { Event } from '../../contracts/event.ts'
import { fittingDigest, type Digest, type DigestLine } from '../digest.ts'
import { fittingBody } from '../fit.ts'
import type { Answer, Format, Judgement } from '../format.ts'
import { failed, succeeded } from '../judge.ts'
import { changeText, moreText, titleOf, type Message } from '../message.ts'
import { clip } from '../text.ts'

/**
 * A message for Microsoft Teams: one Adaptive Card 1.2, for a Power Automate workflow ("When a Teams webhook request is
 * received") and for what is left of the Office 365 connectors. Text of others stands in TextRuns, which alone of the
 * card's elements know no Markdown, so nothing needs to be escaped and nothing can be injected. A message may have about
 * 28 KB; a quarter is left for what Teams adds.
 */
const largestBody = 21_000
const longest = { title: 300, label: 80, value: 1_000 }

type Run = {
  type: 'TextRun'
  text: string
  weight?: 'Bolder'
  size?: 'Medium'
  isSubtle?: true
  selectAction?: { type: 'Action.OpenUrl'; url: string }
}

/** A run without text is not valid, and a card with one is not shown. */
const run = (text: string, max: number, style: Omit<Run, 'type' | 'text'> = {}): Run => ({
  type: 'TextRun',
  text: clip(text, max) || '–',
  ...style,
})
const line = (...inlines: Run[]) => ({ type: 'RichTextBlock', inlines })
const label = (text: string) => run(`${clip(text, longest.label)}: `, longest.label + 2, { weight: 'Bolder' })

function write(message: Message): object {
  const { link } = message
  return card(bodyOf(message), link && [{ type: 'Action.OpenUrl', title: clip(link.label, longest.label), url: link.url }])
}

function card(body: object[], actions?: object[]): object {
  const head = { $schema: 'http://adaptivecards.io/schemas/adaptive-card.json', type: 'AdaptiveCard', version: '1.2' }
  const content = { ...head, body, ...(actions && { actions }) }
  return { type: 'message', attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content }] }
}

function bodyOf(message: Message): object[] {
  const more = moreText(message)
  return [
    line(run(titleOf(message), longest.title, { weight: 'Bolder', size: 'Medium' })),
    ...message.facts.map((fact) => line(label(fact.label), run(fact.value, longest.value))),
    ...message.changes.map((change) => line(label(change.name), run(changeText(change), longest.value))),
    ...(more ? [line(run(more, 60))] : []),
    line(run(message.origin, longest.value, { isSubtle: true })),
  ]
}

const writeDigest = ({ title, lines, more }: Digest): object =>
  card([
    line(run(title, longest.title, { weight: 'Bolder', size: 'Medium' })),
    ...lines.map(digestLine),
    ...(more ? [line(run(more, 60))] : []),
  ])

/** A card shows few actions, so here each title is its own link. */
function digestLine({ title, details, url }: DigestLine): object {
  const link: Omit<Run, 'type' | 'text'> = url === undefined ? {} : { selectAction: { type: 'Action.OpenUrl', url } }
  return line(run(title, longest.title, link), ...(details ? [run(` – ${details}`, longest.value, { isSubtle: true })] : []))
}

/**
 * Workflows answer 202 before anything is posted. A connector answers 200 and `1`, or 200 and a text with the status that
 * Teams itself gave: 413 is final, 429 and the rest are not.
 */
function judge(answer: Answer): Judgement {
  const { statusCode, body } = answer
  const inner = statusCode === 200 ? /HTTP error (\d{3})/i.exec(body)?.[1] : undefined
  if (inner !== undefined) return failed(answer, ['400', '413'].includes(inner))
  if (statusCode === 200) return ['', '1'].includes(body.trim()) ? succeeded : failed(answer, false)
  if (statusCode > 200 && statusCode < 300) return succeeded
  return failed(answer, statusCode === 400 || statusCode === 413)
}

const fits = (body: string): boolean => Buffer.byteLength(body) <= largestBody
const message = (body: Uint8Array) => ({ contentType: 'application/json; charset=utf-8', body })
const render = (event: Event) => message(fittingBody(event, write, fits))

export default {
  name: 'msteams',
  description: 'A message for Microsoft Teams, Workflows and connectors: an Adaptive Card. Several events are one card, a line for each.',
  render,
  renderBatch: (events: Event[]) => (events.length === 1 ? render(events[0] as Event) : message(fittingDigest(events, writeDigest, fits))),
  judge,
} satisfies Format
