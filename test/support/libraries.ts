import * as octokit from '@octokit/webhooks-methods'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import Stripe from 'stripe'
import { Webhook as SvixWebhook } from 'svix'

export const now = Date.UTC(2026, 3, 15, 9, 0, 3)
export const id = '0190b6a2-7c1e-7a64-9a0e-3d7d2f5f7b11'
export const [secret, former] = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD']

export type Headers = Record<string, string>
export type Library = {
  title: string
  scheme: string
  sign(body: string, secret: string, at: number): Promise<Headers>
  /** Throws, or says false, when it does not verify. */
  verify(body: string, headers: Headers, secret: string): Promise<unknown>
}

type Peer = new (secret: string) => Pick<StandardWebhook, 'sign' | 'verify'>
const standard = (title: string, scheme: string, prefix: string, Webhook: Peer): Library => ({
  title,
  scheme,
  sign: async (body, key, at) => ({
    [`${prefix}-id`]: id,
    [`${prefix}-timestamp`]: String(Math.floor(at / 1000)),
    [`${prefix}-signature`]: new Webhook(key).sign(id, new Date(at), body),
  }),
  verify: async (body, headers, key) => new Webhook(key).verify(body, headers),
})

export const libraries: Library[] = [
  standard('standardwebhooks', 'standard-webhooks', 'webhook', StandardWebhook),
  standard('standardwebhooks', 'gitlab-signing', 'webhook', StandardWebhook),
  standard('svix', 'svix', 'svix', SvixWebhook),
  standard('svix', 'standard-webhooks', 'webhook', SvixWebhook),
  {
    title: '@octokit/webhooks-methods',
    scheme: 'github',
    sign: async (body, key) => ({ 'x-hub-signature-256': await octokit.sign(key, body) }),
    verify: (body, headers, key) => octokit.verify(key, body, headers['x-hub-signature-256'] ?? ''),
  },
  {
    title: 'stripe',
    scheme: 'stripe',
    sign: async (payload, key, at) => ({
      'stripe-signature': Stripe.webhooks.generateTestHeaderString({ payload, secret: key, timestamp: Math.floor(at / 1000) }),
    }),
    verify: async (body, headers, key) => Stripe.webhooks.constructEvent(body, headers['stripe-signature'] ?? '', key),
  },
]

export const body = '{"id":"evt_1","object":"event","type":"table.updated","data":{"rows":9007199254740993,"name":"Größe"}}'

type Variant = { title: string; change?: (headers: Headers) => Headers; body?: string; seconds?: number }
const each = (edit: (value: string) => string) => (headers: Headers) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, edit(value)]))
const signatureOnly = (edit: (value: string) => string) => (headers: Headers) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, name.includes('signature') ? edit(value) : value]))
const flipped = (text: string, at: number) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)

/** Requests as senders, networks and forgers make them. */
export const variants: Variant[] = [
  { title: 'as it was sent' },
  { title: 'a byte of the body flipped', body: flipped(body, 40) },
  { title: 'a byte of the body too many', body: `${body} ` },
  { title: 'a byte of the body missing', body: body.slice(0, -1) },
  { title: 'an accent written as two characters', body: body.normalize('NFD') },
  { title: 'just in time', seconds: 300 },
  { title: 'a second too late', seconds: 301 },
  { title: 'a day too late', seconds: 86_400 },
  { title: 'by a clock that is as far ahead as allowed', seconds: -300 },
  { title: 'by a clock that is too far ahead', seconds: -301 },
  { title: 'a byte of the signature flipped', change: signatureOnly((value) => flipped(value, value.length - 20)) },
  { title: 'the signature cut short', change: signatureOnly((value) => value.slice(0, -1)) },
  { title: 'the signature in capitals', change: signatureOnly((value) => value.toUpperCase()) },
  { title: 'the signature without its prefix', change: signatureOnly((value) => value.slice(value.indexOf('=') + 1).replace(/^v1,/, '')) },
  { title: 'another version of signature', change: signatureOnly((value) => value.replace('v1', 'v9').replace('sha256=', 'sha1=')) },
  { title: 'an empty signature', change: signatureOnly(() => '') },
  { title: 'no header at all', change: () => ({}) },
  { title: 'the time moved on', change: each((value) => value.replace(String(now / 1000), String(now / 1000 + 1))) },
  { title: 'a time that is none', change: each((value) => value.replace(String(now / 1000), 'soon')) },
  { title: 'another id', change: each((value) => value.replace(id, `${id}0`)) },
]
