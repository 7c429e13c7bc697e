import type { KnownBlock, MrkdwnElement, PlainTextElement } from '@slack/types'
import type { Event } from '../../contracts/event.ts'
import { fittingDigest, type Digest, type DigestLine } from '../digest.ts'
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
const plain = (text: string, max: number): PlainTextElement => ({ type: 'plain_text', text: clip(text, max, escape), emoji: false })
// verbatim: what looks like a channel or a person is no link either
const mrkdwn = (text: string): MrkdwnElement => ({ type: 'mrkdwn', text, verbatim: true })
const code = (text: string, max: number): string => `\`${clip(text.replaceAll('`', "'"), max, escape)}\``
const value = (text: string, max: number): string => (text === nothing || text === '' ? nothing : code(text, max))

/** Slack's own types, so that a block which Slack does not know is not compiled. */
type Body = { text: string; blocks: KnownBlock[] }

const section = (text: string): KnownBlock => ({ type: 'section', text: mrkdwn(text) })

function write(message: Message): Body {
  return {
    text: clip(titleOf(message), limits.text, escape),
    blocks: [
      { type: 'header', text: plain(titleOf(message), limits.header) },
      ...factBlocks(message.facts),
      ...changeLines(message).map(section),
      ...linkBlocks(message),
      { type: 'context', elements: [plain(message.origin, limits.context)] },
    ],
  }
}

function factBlocks(facts: MessageFact[]): KnownBlock[] {
  const fields = facts.map((fact) =>
    mrkdwn(`*${clip(fact.label.replace(/[*_~`]/g, ''), 60, escape)}*\n${value(fact.value, limits.field - 500)}`),
  )
  const blocks: KnownBlock[] = []
  for (let at = 0; at < fields.length; at += limits.fields) blocks.push({ type: 'section', fields: fields.slice(at, at + limits.fields) })
  return blocks
}

const changeLine = ({ name, before, after }: MessageChange): string =>
  `• ${code(name, 300)}: ${before === undefined ? '' : `${value(before, 800)} → `}${value(after, 800)}`

function changeLines(message: Message): string[] {
  const more = moreText(message)
  return inSections([...message.changes.map(changeLine), ...(more ? [more] : [])])
}

/** As many lines as go into one section. */
function inSections(lines: string[]): string[] {
  const texts: string[] = []
  for (const line of lines) {
    const last = texts.at(-1)
    if (last !== undefined && last.length + line.length < limits.section) texts[texts.length - 1] = `${last}\n${line}`
    else texts.push(line)
  }
  return texts
}

/** A link and no button: a button also asks the app that owns the webhook for an answer, and there may be none. */
function linkBlocks({ link }: Message): KnownBlock[] {
  const text = link && linkText(link.url, link.label)
  return text === undefined || text.length > limits.section ? [] : [section(text)]
}

function linkText(url: string, label: string): string {
  const target = url.replace(/[|<>]/g, encodeURIComponent).replaceAll('&', '&amp;')
  return `<${target}|${clip(label.replace(/[*_~`|]/g, ' '), 75, escape)}>`
}

function writeDigest({ title, lines, more }: Digest): Body {
  return {
    text: clip(title, limits.text, escape),
    blocks: [
      { type: 'header', text: plain(title, limits.header) },
      ...inSections([...lines.map(digestLine), ...(more ? [more] : [])]).map(section),
    ],
  }
}

function digestLine({ title, details, url }: DigestLine): string {
  const line = `• ${code(title, 500)}${details ? ` ${code(details, 1_000)}` : ''}`
  const link = url === undefined ? '' : ` ${linkText(url, 'Open')}`
  return line.length + link.length < limits.section ? `${line}${link}` : line
}

/** 200 and `ok`. What its documentation lists under 400, 403, 404 and 410 is about the message or the webhook itself. */
function judge(answer: Answer): Judgement {
  const { statusCode, body } = answer
  if (statusCode === 200 && (body.trim() === 'ok' || answerObject(body)?.ok === true)) return succeeded
  return failed(answer, [400, 403, 404, 410].includes(statusCode))
}

const fits = (body: string): boolean => body.length <= limits.all
const message = (body: Uint8Array) => ({ contentType: 'application/json; charset=utf-8', body })
const render = (event: Event) => message(fittingBody(event, write, fits))

export default {
  name: 'slack',
  description: 'A message for a Slack incoming webhook: `{text, blocks}`. Several events are one message, a line for each.',
  render,
  renderBatch: (events: Event[]) => (events.length === 1 ? render(events[0] as Event) : message(fittingDigest(events, writeDigest, fits))),
  judge,
} satisfies Format
