import type { Event } from '../../contracts/event.ts'
import { fittingBody } from '../fit.ts'
import type { Answer, Format, Judgement } from '../format.ts'
import { answerObject, failed, succeeded } from '../judge.ts'
import { moreText, titleOf, type Message, type MessageChange, type MessageFact } from '../message.ts'
import { clip, escapeHtml } from '../text.ts'
import { nothing } from '../value-text.ts'

/**
 * A message for a Slack incoming webhook, in Block Kit. Text of others stands in plain_text objects or in code spans, for
 * mrkdwn has no way to escape its asterisks; `&`, `<` and `>` are escaped everywhere, so that no name becomes a mention or
 * a link (Slack, "Formatting text for app surfaces"). Limits: 50 blocks, header 150, section text 3000, 10 fields of 2000
 * characters, and about 13 000 in all, which is nowhere written.
 */
const limits = { header: 150, section: 3_000, field: 2_000, fields: 10, context: 2_000, text: 3_000, all: 12_000 }

const escape = (character: string): string => (/[&<>]/.test(character) ? escapeHtml(character) : character)
const plain = (text: string, max: number) => ({ type: 'plain_text', text: clip(text, max, escape), emoji: false })
// verbatim: what looks like a channel or a person is no link either
const mrkdwn = (text: string) => ({ type: 'mrkdwn', text, verbatim: true })
const code = (text: string, max: number): string => `\`${clip(text.replaceAll('`', "'"), max, escape)}\``
const value = (text: string, max: number): string => (text === nothing || text === '' ? nothing : code(text, max))

function write(message: Message): object {
  return {
    text: clip(titleOf(message), limits.text, escape),
    blocks: [
      { type: 'header', text: plain(titleOf(message), limits.header) },
      ...factBlocks(message.facts),
      ...changeLines(message).map((text) => ({ type: 'section', text: mrkdwn(text) })),
      ...linkBlocks(message),
      { type: 'context', elements: [plain(message.origin, limits.context)] },
    ],
  }
}

function factBlocks(facts: MessageFact[]): object[] {
  const fields = facts.map((fact) =>
    mrkdwn(`*${clip(fact.label.replace(/[*_~`]/g, ''), 60, escape)}*\n${value(fact.value, limits.field - 500)}`),
  )
  const blocks: object[] = []
  for (let at = 0; at < fields.length; at += limits.fields) blocks.push({ type: 'section', fields: fields.slice(at, at + limits.fields) })
  return blocks
}

const changeLine = ({ name, before, after }: MessageChange): string =>
  `• ${code(name, 300)}: ${before === undefined ? '' : `${value(before, 800)} → `}${value(after, 800)}`

/** Lines of changes, as many as go into one section. */
function changeLines(message: Message): string[] {
  const more = moreText(message)
  const texts: string[] = []
  for (const line of [...message.changes.map(changeLine), ...(more ? [more] : [])]) {
    const last = texts.at(-1)
    if (last !== undefined && last.length + line.length < limits.section) texts[texts.length - 1] = `${last}\n${line}`
    else texts.push(line)
  }
  return texts
}

/** A link and no button: a button also asks the app that owns the webhook for an answer, and there may be none. */
function linkBlocks({ link }: Message): object[] {
  if (!link) return []
  const url = link.url.replace(/[|<>]/g, encodeURIComponent).replaceAll('&', '&amp;')
  const text = `<${url}|${clip(link.label.replace(/[*_~`|]/g, ' '), 75, escape)}>`
  return text.length > limits.section ? [] : [{ type: 'section', text: mrkdwn(text) }]
}

/** 200 and `ok`. What its documentation lists under 400, 403, 404 and 410 is about the message or the webhook itself. */
function judge(answer: Answer): Judgement {
  const { statusCode, body } = answer
  if (statusCode === 200 && (body.trim() === 'ok' || answerObject(body)?.ok === true)) return succeeded
  return failed(answer, [400, 403, 404, 410].includes(statusCode))
}

export default {
  name: 'slack',
  description: 'A message for a Slack incoming webhook: `{text, blocks}`.',
  render: (event: Event) => ({
    contentType: 'application/json; charset=utf-8',
    body: fittingBody(event, write, (body) => body.length <= limits.all),
  }),
  judge,
} satisfies Format
