import type { Payload } from './format.ts'

/** Bodies that are JSON, as the elements of one JSON array. */
export function jsonArray(payloads: Payload[]): Buffer {
  const parts = payloads.flatMap(({ body }, index) => (index === 0 ? [body] : [comma, body]))
  return Buffer.concat([open, ...parts, close])
}

const [open, comma, close] = [Buffer.from('['), Buffer.from(','), Buffer.from(']')]
