import type { Event } from '../../contracts/event.ts'
import { dedupKey } from '../dedup-key.ts'
import { fittingDigest, type Digest, type DigestLine } from '../digest.ts'
import { fittingBody } from '../fit.ts'
import type { Answer, Format, Judgement } from '../format.ts'
import { answerObject, failed, succeeded } from '../judge.ts'
import { changeText, moreText, titleOf, type Message } from '../message.ts'
import { clip, escapeHtml } from '../text.ts'

/**
 * A message for a Google Chat webhook: `text` for the notification, the rest in a card (`cardsV2`). Text of widgets is
 * HTML and escaped. `text` and headers have no escape: there `<` and `>` become the quotation marks that look like them,
 * so that `<users/all>` calls nobody. Messages about one object share a thread, where the webhook's URL asks for
 * threads (`messageReplyOption`). Limits: 32 KB, 100 widgets, a thread key of 4000 characters.
 */
const largestBody = 30_000
const longest = { text: 300, title: 200, label: 200, value: 1_500 }

const angles: Record<string, string> = { '<': '‹', '>': '›' }
const unangled = (text: string, max: number): string =>
  clip(
    text.replace(/[<>]/g, (angle) => angles[angle] as string),
    max,
  )
const html = (text: string): string => clip(text, longest.value, escapeHtml)

function writer(event: Event): (message: Message) => object {
  return (message) => ({
    text: unangled(titleOf(message), longest.text),
    cardsV2: [{ cardId: clip(event.id, 100), card: { header: headerOf(message), sections: sectionsOf(message) } }],
    thread: { threadKey: dedupKey(event) },
  })
}

const headerOf = ({ object, headline, origin }: Message) => ({
  title: unangled(object || headline, longest.title),
  subtitle: unangled(origin, longest.title),
})

const labelled = (topLabel: string, text: string) => ({
  decoratedText: { topLabel: unangled(topLabel, longest.label), text, wrapText: true },
})

function sectionsOf(message: Message): object[] {
  const more = moreText(message)
  const changes = message.changes.map((change) => labelled(change.name, html(changeText(change))))
  const facts = message.facts.map(({ label, value }) => labelled(label, html(value)))
  return [
    ...(changes.length > 0 || more
      ? [{ header: 'Changes', widgets: [...changes, ...(more ? [{ textParagraph: { text: more } }] : [])] }]
      : []),
    { widgets: facts.length > 0 ? facts : [{ textParagraph: { text: html(message.headline) } }] },
    ...linkSection(message),
  ]
}

function linkSection({ link }: Message): object[] {
  if (!link) return []
  const button = { text: unangled(link.label, 75), onClick: { openLink: { url: link.url } } }
  return [{ widgets: [{ buttonList: { buttons: [button] } }] }]
}

/** About several objects, so in no thread of one; the card has the name of the first event. */
function digestWriter(events: Event[]): (digest: Digest) => object {
  return ({ title, lines, more }) => ({
    text: unangled(title, longest.text),
    cardsV2: [
      {
        cardId: clip(events[0]?.id ?? 'none', 100),
        card: {
          header: { title: unangled(title, longest.title), subtitle: 'Tidings' },
          sections: [
            { widgets: [...lines.map(digestWidget), ...(more || lines.length === 0 ? [{ textParagraph: { text: more ?? title } }] : [])] },
          ],
        },
      },
    ],
  })
}

function digestWidget({ title, details, origin, url }: DigestLine): object {
  const text = [title, details].filter(Boolean).join(' – ')
  const { decoratedText } = labelled(origin, html(text))
  return { decoratedText: { ...decoratedText, ...(url !== undefined && { onClick: { openLink: { url } } }) } }
}

/** 200 and the message as it was posted. An answer longer than is kept of it is cut off, and still begins like one. */
function judge(answer: Answer): Judgement {
  const { statusCode, body } = answer
  const posted = answerObject(body)
  if (statusCode === 200 && /^\s*\{/.test(body) && !(posted && 'error' in posted)) return succeeded
  return failed(answer, [400, 403, 404].includes(statusCode))
}

const fits = (body: string): boolean => Buffer.byteLength(body) <= largestBody
const message = (body: Uint8Array) => ({ contentType: 'application/json; charset=utf-8', body })
const render = (event: Event) => message(fittingBody(event, writer(event), fits))

export default {
  name: 'googlechat',
  description: 'A message for a Google Chat webhook: `{text, cardsV2, thread}`. Several events are one card, a line for each.',
  render,
  renderBatch: (events: Event[]) =>
    events.length === 1 ? render(events[0] as Event) : message(fittingDigest(events, digestWriter(events), fits)),
  judge,
} satisfies Format
