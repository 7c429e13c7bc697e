import { entityOf, recordOf, textOf, typeName } from '../fields.ts'
import { readEvents } from '../read-events.ts'
import type { Limits, ReceivedRequest, SourceAdapter, SourceSample } from '../source.ts'

/**
 * GitHub: the type is the event's name with its action, `push` or `issues.opened`; the repository is the entity. A
 * redelivery keeps its `X-GitHub-Delivery`. Webhooks must be set to content type application/json. `ping` asks whether
 * we are there and is no event.
 */
function parse(request: ReceivedRequest, limits: Limits) {
  return readEvents(request, limits, (event, _, report) => {
    const type = typeName(textOf(request.headers['x-github-event'], 100), textOf(event.action, 100))
    if (type === undefined || !request.headers['x-github-event']) return report('the header must name the event', 'x-github-event')
    const { id, full_name: name, html_url: url } = recordOf(event.repository)
    return {
      sourceEventId: textOf(request.headers['x-github-delivery']),
      type,
      actor: textOf(recordOf(event.sender).login),
      entity: name === undefined ? undefined : entityOf({ type: 'repository', id, name, url }),
    }
  })
}

const headers = { 'content-type': 'application/json', 'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958' }
const repository =
  '"repository":{"id":186853002,"full_name":"Codertocat/Hello-World","html_url":"https://github.com/Codertocat/Hello-World"}'
const samples: SourceSample[] = [
  {
    title: 'a push',
    headers: { ...headers, 'x-github-event': 'push' },
    body: `{"ref":"refs/tags/simple-tag","deleted":true,${repository},"sender":{"login":"Codertocat"}}`,
  },
  {
    title: 'an issue was opened',
    headers: { ...headers, 'x-github-event': 'issues' },
    body: `{"action":"opened","issue":{"number":1},${repository},"sender":{"login":"Codertocat"}}`,
  },
]

export default {
  name: 'github',
  description: 'GitHub: events of repositories and organizations.',
  scheme: 'github',
  parse,
  identity: 'id',
  handshake: ({ headers: given }) => (given['x-github-event'] === 'ping' ? { status: 200, body: {} } : undefined),
  samples,
} satisfies SourceAdapter
