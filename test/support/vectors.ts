/**
 * Signatures that others made: from the documentation and the libraries' own tests of each sender, or computed by the
 * rule of the contract and checked in another language.
 */
export type Vector = {
  scheme: string
  title: string
  secrets: string[]
  headers: Record<string, string>
  body: string
  now?: number
  method?: string
  url?: string
  params?: Record<string, unknown>
}

export const foundryBody = '{"id":"evt-8b1f6a52","type":"ontology.object.created","data":{"objectType":"Employee","primaryKey":"50030"}}'
export const hubspotSecret = 'yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy'
export const standardSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const standardSignature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
export const stripeSignature = 'v1=2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7'
const slackForm =
  'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c'
const stripeEvent = `{
  "id": "evt_123",
  "object": "event",
  "account": "acct_123",
  "api_version": "2017-05-25",
  "created": 1533204620,
  "data": {
    "object": {
      "id": "cus_123",
      "object": "customer",
      "created": 123456789,
      "email": "test@stripe.com",
      "livemode": false,
      "metadata": {}
    }
  },
  "livemode": false,
  "pending_webhooks": 1,
  "request": {
    "id": "req_123",
    "idempotency_key": "idempotency-key-123"
  },
  "type": "customer.created"
}
`

export const vectors: Vector[] = [
  {
    scheme: 'foundry',
    title: 'the rule of the contract',
    secrets: ['whsec_your_webhook_secret_here'],
    headers: {
      'x-foundry-signature': 'a854b81734b6628f4f760b8c59e5b105f72e87ec2b1f50c70d430fc3627e10cd',
      'x-foundry-timestamp': '1767225600',
    },
    body: foundryBody,
    now: 1_767_225_600_000,
  },
  {
    scheme: 'shopify',
    title: "a test of Shopify's library",
    secrets: ['test_secret_key'],
    headers: { 'x-shopify-hmac-sha256': 'B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g=' },
    body: '{"foo": "bar"}',
  },
  {
    scheme: 'hubspot-v1',
    title: "HubSpot's documentation",
    secrets: [hubspotSecret],
    headers: {
      'x-hubspot-signature-version': 'v1',
      'x-hubspot-signature': '232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de',
    },
    body: '[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]',
  },
  {
    scheme: 'hubspot-v2',
    title: "HubSpot's documentation",
    secrets: [hubspotSecret],
    headers: {
      'x-hubspot-signature-version': 'v2',
      'x-hubspot-signature': 'eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e',
    },
    body: '',
    method: 'GET',
    url: 'https://www.example.com/webhook_uri',
  },
  {
    scheme: 'github',
    title: "GitHub's documentation",
    secrets: ["It's a Secret to Everybody"],
    headers: { 'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17' },
    body: 'Hello, World!',
  },
  {
    scheme: 'github',
    title: "a test of Octokit's",
    secrets: ['development'],
    headers: { 'x-hub-signature-256': 'sha256=afecc3caa27548bb90d51a50384cb2868b9a3327b4ad6a01c9bd4ed0f8b0b12c' },
    body: '{"foo":"Foo\\n\\u001B[34mbar: ♥♥♥♥♥♥♥♥\\nthis-is-lost\\u001B[0m\\u001B[2K"}',
  },
  {
    scheme: 'stripe',
    title: "a test of Stripe's library, with a v0 beside",
    secrets: ['webhook_secret'],
    headers: {
      'stripe-signature': `t=1533204620,${stripeSignature},v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef`,
    },
    body: stripeEvent,
    now: 1_533_204_620_000,
  },
  {
    scheme: 'slack',
    title: "Slack's documentation",
    secrets: ['8f742231b10e8888abcd99yyyzzz85a5'],
    headers: {
      'x-slack-request-timestamp': '1531420618',
      'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
    },
    body: slackForm,
    now: 1_531_420_618_000,
  },
  ...(['svix', 'webhook'] as const).map((prefix) => ({
    scheme: prefix === 'svix' ? 'svix' : 'gitlab-signing',
    title: 'the vector of Standard Webhooks',
    secrets: [standardSecret],
    headers: {
      [`${prefix}-id`]: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      [`${prefix}-timestamp`]: '1614265330',
      [`${prefix}-signature`]: standardSignature,
    },
    body: '{"test": 2432232314}',
    now: 1_614_265_330_000,
  })),
  {
    scheme: 'standard-webhooks-ed25519',
    title: 'the rule of the specification, public key',
    secrets: ['whpk_HgPCDsEeuDcDxuJwaL19V8VfRtCIijYVxCFO+YIoq3k='],
    headers: {
      'webhook-id': 'msg_open_1',
      'webhook-timestamp': '1767225600',
      'webhook-signature': 'v1a,HSx5lcitMvUUz2tnAGA20GuZ2vXNbp06ek8Wh4O85fqmwnOceZSMlX3KMHVpfpurPo/rWTG9K7NC7kvZWCEUDA==',
    },
    body: '{"type":"test"}',
    now: 1_767_225_600_000,
  },
  {
    scheme: 'generic-hmac',
    title: 'RFC 4231, test case 2',
    secrets: ['Jefe'],
    params: { header: 'X-Signature' },
    headers: { 'x-signature': '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843' },
    body: 'what do ya want for nothing?',
  },
  {
    scheme: 'generic-hmac',
    title: 'RFC 4231, test case 1: a key in hexadecimal, SHA-512',
    secrets: ['0b'.repeat(20)],
    params: { header: 'X-Signature', algorithm: 'sha512', key_encoding: 'hex' },
    headers: {
      'x-signature':
        '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
    },
    body: 'Hi There',
  },
  {
    scheme: 'generic-hmac',
    title: 'SHA-1 with a prefix',
    secrets: ['secret'],
    params: { header: 'X-Signature', algorithm: 'sha1', prefix: 'sha1=' },
    headers: { 'x-signature': 'sha1=b17e04cbb22afa8ffbff8796fc1894ed27badd9e' },
    body: '{"a": "z"}',
  },
  {
    scheme: 'sesam-hmac',
    title: 'the expression of the contract',
    secrets: ['open-wh-secret'],
    params: { header: 'X-Superoffice-Signature' },
    headers: { 'x-superoffice-signature': 'EPIa6d4xGIdTDbXKpsT0r+dbinMdNtjAg6/ZzxKcN2o=' },
    body: '[{"_id":"1","name":"a"}]',
  },
]
