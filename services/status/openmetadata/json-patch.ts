import { isDeepStrictEqual } from 'node:util'
import { applyPatch } from 'rfc6902'
import { OpenMetadataInput, type OpenMetadataWebhook } from '../../../shared/contracts/api/openmetadata.ts'
import type { JsonPatch } from '../../../shared/contracts/api/openmetadata-calls.ts'
import { jsonDepth, maxJsonDepth } from '../../../shared/http/json.ts'
import { Problem, invalid } from '../../../shared/problem.ts'
import { invalidIn } from '../refuse.ts'

/** Members that changed, as they are to be. A member that was taken away has its default again. */
export type Patched = { after: OpenMetadataWebhook; changed: Partial<OpenMetadataInput> }

const maxBytes = 1024 * 1024
const shape = OpenMetadataInput.shape
type Member = keyof typeof shape
const isInput = (name: string): name is Member => Object.hasOwn(shape, name)

/** RFC 6902: all operations or none. What was not touched is not judged again: it may say what only the native API can. */
export function patchEntity(before: OpenMetadataWebhook, patch: JsonPatch): Patched {
  const after = apply(before, patch)
  const changed: Record<string, unknown> = {}
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const value = after[name]
    if (isDeepStrictEqual((before as Record<string, unknown>)[name], value)) continue
    if (isInput(name)) {
      const parsed = shape[name].safeParse(value)
      if (!parsed.success) throw invalidIn(parsed.error.issues.map((issue) => ({ ...issue, path: [name, ...issue.path] })))
      changed[name] = parsed.data
    } else if (name !== 'deleted') throw invalid([{ path: [name], message: name in before ? setByUs : 'is not a known member here' }])
  }
  if (typeof after.deleted !== 'boolean' || (after.deleted && !before.deleted))
    throw invalid([{ path: ['deleted'], message: 'can only be set to false, which brings a deleted webhook back; DELETE deletes it' }])
  return { after: { ...(after as OpenMetadataWebhook), ...changed }, changed: changed as Partial<OpenMetadataInput> }
}

const setByUs = 'is set by Tidings and cannot be changed'

function apply(before: OpenMetadataWebhook, patch: JsonPatch): Record<string, unknown> {
  const document = structuredClone(before) as unknown as Record<string, unknown>
  patch.forEach((operation, i) => {
    const fault = faultOf(document, operation)
    if (fault) throw refusal(fault, operation, i)
    const bytes = Buffer.from(JSON.stringify(document))
    // `add /tags/x` sets a member of a list that no JSON shows
    if (!isDeepStrictEqual(document, JSON.parse(bytes.toString()))) throw refusal('MissingError', operation, i)
    // copies of copies grow without end
    if (bytes.length > maxBytes || jsonDepth(bytes) > maxJsonDepth)
      throw invalid([{ path: [i], message: `makes the entity too large: ${maxBytes} bytes, ${maxJsonDepth} levels deep are allowed` }])
  })
  return document
}

/** The name of what is wrong. The library throws where a path leads into a text, and names the rest. */
function faultOf(document: object, operation: JsonPatch[number]): string | undefined {
  try {
    return applyPatch(document, [operation])[0]?.name
  } catch {
    return 'MissingError'
  }
}

function refusal(name: string, operation: JsonPatch[number], i: number): Problem {
  if (name === 'TestError') {
    const errors = [{ field: `[${i}].value`, message: `is not what stands at ${operation.path}` }]
    return new Problem('conflict', `[${i}]: the test of ${operation.path} failed, so nothing was changed`, { errors })
  }
  const at = 'from' in operation ? `${operation.from} or ${operation.path}` : operation.path
  return invalid([{ path: [i, 'path'], message: `leads nowhere: there is no ${at} in this webhook` }])
}
