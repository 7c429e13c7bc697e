/**
 * All that it takes to teach Tidings one more system, by the paths of its files. The system is made up: things that turn
 * into something, proven by an HMAC over body and time, and answered in a word of its own.
 */
export const sixthSystem: Record<string, string> = {
  'services/ingest/sources/beacon.ts': `import { entityOf, textOf, timeOf, typeName } from '../fields.ts'
import { readEvents } from '../read-events.ts'
import type { SourceAdapter } from '../source.ts'

const body = '{"serial":"b1","kind":"lamp","turned":"lit","thing":"north","at":1776243603000}'

export default {
  name: 'beacon',
  description: 'Beacon: things that turn into something.',
  scheme: 'beacon',
  parse: (request, limits) =>
    readEvents(request, limits, ({ serial, kind, turned, thing, at }, _slice, report) => {
      const [what, how] = [textOf(kind), textOf(turned)]
      const type = what && how && typeName(what, how)
      if (!type) return report('must be a word, for example "lit"', 'turned')
      return { sourceEventId: textOf(serial), type, time: timeOf(at, 'milliseconds'), entity: entityOf({ type: what, name: textOf(thing) }) }
    }),
  answer: { accepted: { status: 200, body: { heard: true } } },
  samples: [{ title: 'a lamp was lit', headers: { 'content-type': 'application/json' }, body }],
} satisfies SourceAdapter
`,

  'shared/payload/formats/beacon.ts': `import type { Event } from '../../contracts/event.ts'
import type { Format } from '../format.ts'

function render(event: Event) {
  const [kind, turned] = event.type.split('.')
  const body = { serial: event.sourceEventId ?? event.id, kind, turned, thing: event.entity?.name, at: Date.parse(event.time) }
  return { contentType: 'application/json', body: Buffer.from(JSON.stringify(body)) }
}

export default { name: 'beacon', description: 'Beacon: {serial, kind, turned, thing, at}.', render } satisfies Format
`,

  'shared/signing/schemes/beacon.ts': `import { createHmac } from 'node:crypto'
import { refusedTime, signingKeys, timestampFault, verifyOne } from '../mac.ts'
import type { Scheme } from '../scheme.ts'

const proof = (key: string, time: string, body: Uint8Array) => createHmac('sha512', key).update(body).update(time).digest('base64url')

export default {
  name: 'beacon',
  description: 'Beacon: X-Beacon-Proof, base64url of HMAC-SHA512 over body and X-Beacon-Time.',
  sign({ now, body, secrets }) {
    const time = String(Math.floor(now / 1000))
    return { 'x-beacon-time': time, 'x-beacon-proof': proof(signingKeys('beacon', secrets)[0], time, body) }
  },
  verify({ headers, body, secrets, now, toleranceSeconds }) {
    const time = headers['x-beacon-time'] ?? ''
    const fault = timestampFault(time, now, toleranceSeconds)
    if (fault) return refusedTime(fault)
    return verifyOne(headers['x-beacon-proof'], 'X-Beacon-Proof', secrets, (key) => proof(key, time, body))
  },
} satisfies Scheme
`,
}
