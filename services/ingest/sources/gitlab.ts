import { entityOf, recordOf, textOf, typeName } from '../fields.ts'
import { readEvents } from '../read-events.ts'
import type { Limits, ReceivedRequest, SourceAdapter, SourceSample } from '../source.ts'

/**
 * GitLab: the type is `object_kind` with the action, `push` or `merge_request.open`; the project is the entity. Newer
 * versions name the delivery (`Idempotency-Key`, the same as `webhook-id`), older ones the event.
 */
function parse({ headers, body }: ReceivedRequest, limits: Limits) {
  const id = headers['idempotency-key'] ?? headers['webhook-id'] ?? headers['x-gitlab-event-uuid']
  return readEvents({ headers, body }, limits, (event, _, report) => {
    const kind = textOf(event.object_kind ?? event.event_name, 100)
    const type = kind && typeName(kind, textOf(recordOf(event.object_attributes).action, 100))
    if (!type) return report('must be a string, for example `push`', 'object_kind')
    const project = recordOf(event.project)
    return {
      sourceEventId: textOf(id),
      type,
      actor: textOf(event.user_username ?? recordOf(event.user).username ?? event.user_name),
      entity: entityOf({
        type: event.project === undefined ? undefined : 'project',
        id: project.id ?? event.project_id,
        name: project.path_with_namespace,
        url: project.web_url,
      }),
    }
  })
}

const headers = { 'content-type': 'application/json', 'x-gitlab-event-uuid': '13792a34-cac6-4fda-95a8-c58e00a3954e' }
const project = '"project":{"id":15,"path_with_namespace":"mike/diaspora","web_url":"http://example.com/mike/diaspora"}'
const samples: SourceSample[] = [
  {
    title: 'a push',
    headers: { ...headers, 'x-gitlab-event': 'Push Hook', 'idempotency-key': 'f5e5f430-f57b-4e6e-9fac-d9128cd7232f' },
    body: `{"object_kind":"push","ref":"refs/heads/master","user_name":"John Smith","project_id":15,${project},"commits":[]}`,
  },
  {
    title: 'a merge request was opened',
    headers: { ...headers, 'x-gitlab-event': 'Merge Request Hook' },
    body: `{"object_kind":"merge_request","user":{"username":"root"},${project},"object_attributes":{"iid":1,"action":"open"}}`,
  },
]

export default {
  name: 'gitlab',
  description: 'GitLab: events of projects and groups.',
  scheme: 'gitlab-token',
  parse,
  identity: 'id',
  samples,
} satisfies SourceAdapter
