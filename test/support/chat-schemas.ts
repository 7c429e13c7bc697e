import { z } from 'zod'

/**
 * What chat services and PagerDuty accept, written down from their documentation, limits included. Closed, so that a
 * misspelt member shows, and only what we send: a member that is new here was looked up first.
 */
const text = (max: number) => z.string().min(1).max(max)
const link = z
  .string()
  .max(3_000)
  .regex(/^https?:\/\//)

const SlackText = (max: number) =>
  z.union([
    z.strictObject({ type: z.literal('plain_text'), text: text(max), emoji: z.boolean() }),
    z.strictObject({ type: z.literal('mrkdwn'), text: text(max), verbatim: z.boolean() }),
  ])
export const Slack = z.strictObject({
  text: text(40_000),
  blocks: z
    .array(
      z.union([
        z.strictObject({
          type: z.literal('header'),
          text: z.strictObject({ type: z.literal('plain_text'), text: text(150), emoji: z.boolean() }),
        }),
        z.strictObject({ type: z.literal('section'), text: SlackText(3_000) }),
        z.strictObject({ type: z.literal('section'), fields: z.array(SlackText(2_000)).min(1).max(10) }),
        z.strictObject({ type: z.literal('context'), elements: z.array(SlackText(3_000)).min(1).max(10) }),
      ]),
    )
    .min(1)
    .max(50),
})

const TextRun = z.strictObject({
  type: z.literal('TextRun'),
  text: z.string().min(1),
  weight: z.enum(['Lighter', 'Default', 'Bolder']).optional(),
  size: z.enum(['Small', 'Default', 'Medium', 'Large', 'ExtraLarge']).optional(),
  isSubtle: z.boolean().optional(),
  selectAction: z.strictObject({ type: z.literal('Action.OpenUrl'), url: link }).optional(),
})
const AdaptiveCard = z.strictObject({
  $schema: z.literal('http://adaptivecards.io/schemas/adaptive-card.json'),
  type: z.literal('AdaptiveCard'),
  version: z.literal('1.2'),
  body: z.array(z.strictObject({ type: z.literal('RichTextBlock'), inlines: z.array(TextRun).min(1) })).min(1),
  actions: z.array(z.strictObject({ type: z.literal('Action.OpenUrl'), title: text(100), url: link })).optional(),
})
export const Teams = z.strictObject({
  type: z.literal('message'),
  attachments: z.tuple([
    z.strictObject({ contentType: z.literal('application/vnd.microsoft.card.adaptive'), contentUrl: z.null(), content: AdaptiveCard }),
  ]),
})

const Widget = z.union([
  z.strictObject({
    decoratedText: z.strictObject({
      topLabel: text(200),
      text: text(2_000),
      wrapText: z.boolean(),
      onClick: z.strictObject({ openLink: z.strictObject({ url: link }) }).optional(),
    }),
  }),
  z.strictObject({ textParagraph: z.strictObject({ text: text(2_000) }) }),
  z.strictObject({
    buttonList: z.strictObject({
      buttons: z.array(z.strictObject({ text: text(100), onClick: z.strictObject({ openLink: z.strictObject({ url: link }) }) })).min(1),
    }),
  }),
])
export const GoogleChat = z.strictObject({
  text: text(4_096),
  cardsV2: z.tuple([
    z.strictObject({
      cardId: text(100),
      card: z.strictObject({
        header: z.strictObject({ title: text(200), subtitle: text(200) }),
        sections: z.array(z.strictObject({ header: text(100).optional(), widgets: z.array(Widget).min(1).max(100) })).min(1),
      }),
    }),
  ]),
  thread: z.strictObject({ threadKey: text(4_000) }).optional(),
})

const key = { routing_key: text(32), dedup_key: text(255) }
export const PagerDuty = z.union([
  z.strictObject({ ...key, event_action: z.literal('resolve') }),
  z.strictObject({
    ...key,
    event_action: z.literal('trigger'),
    payload: z.strictObject({
      summary: text(1_024),
      source: text(255),
      severity: z.enum(['critical', 'error', 'warning', 'info']),
      timestamp: z.iso.datetime({ offset: true }),
      component: text(255).optional(),
      group: text(255).optional(),
      class: text(255).optional(),
      custom_details: z.record(z.string(), z.unknown()),
    }),
    client: z.literal('Tidings'),
    links: z.array(z.strictObject({ href: link, text: text(100) })).optional(),
  }),
])
