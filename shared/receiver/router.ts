import { typeMatches } from '../match.ts'
import type { ReceivedEvent } from './event.ts'
import type { EventContext } from './receive.ts'

export type RouterOptions<E> = {
  /** Told of an event whose type no pattern covers; it is acknowledged all the same, as the senders expect. */
  onUnknown?: (type: string | undefined, event: E) => void
}

/**
 * One handler for each event, chosen by type: patterns as subscriptions have them, `table.created`, `table.*`, `*`. Of
 * several that cover a type, the one that says most about it is taken.
 */
export function router<E = ReceivedEvent, C extends { type: string | undefined } = EventContext>(
  handlers: Record<string, (event: E, context: C) => unknown>,
  { onUnknown }: RouterOptions<E> = {},
): (event: E, context: C) => Promise<void> {
  // the longer a pattern is, the less it covers; what its asterisk stands for is longer than the asterisk
  const routes = Object.entries(handlers).sort(([a], [b]) => specificity(b) - specificity(a))
  return async (event, context) => {
    const { type } = context
    const [, handler] = routes.find(([pattern]) => (type === undefined ? pattern === '*' : typeMatches(pattern, type))) ?? []
    if (handler) await handler(event, context)
    else onUnknown?.(type, event)
  }
}

const specificity = (pattern: string): number => (pattern.endsWith('*') ? pattern.length - 2 : pattern.length)
