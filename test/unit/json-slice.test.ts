import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { elementSpans, memberSpan, type Span } from '../../services/ingest/json-slice.ts'

describe('json-slice', () => {
  const escaped = (unit: string) =>
    unit
      .split('')
      .map((half) => `\\u${half.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('')
  const space = fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '\r'), maxLength: 3 })
  /** JSON text with odd spacing and escaped characters, beside the value that it has. */
  const spelled = (text: string) =>
    fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }).map(
      (flags) =>
        `"${[
          ...JSON.stringify(text)
            .slice(1, -1)
            .matchAll(/\\u....|\\.|[^]/gu),
        ]
          .map(([unit], i) => (flags[i % flags.length] && !unit.startsWith('\\') ? escaped(unit) : unit))
          .join('')}"`,
    )
  const json = fc.oneof(
    fc.json(),
    fc.jsonValue().map((value) => JSON.stringify(value, null, 2)),
    fc.constantFrom('1.0', '-0', '9007199254740993', '"]},\\"{["', '[]', '{}'),
  )
  const sliceOf = (text: string, span: Span | undefined) => span && Buffer.from(text).subarray(span.start, span.end).toString()

  it('finds every element of an array', () => {
    fc.assert(
      fc.property(fc.array(json), space, space, (elements, before, after) => {
        const text = `${before}[${before}${elements.join(`${after},${before}`)}${after}]${after}`
        const spans = elementSpans(Buffer.from(text))
        expect(spans.map((span) => sliceOf(text, span))).toEqual(elements.map((element) => element.trim()))
        expect(spans.map((span) => JSON.parse(sliceOf(text, span) as string))).toEqual(JSON.parse(text))
      }),
      { numRuns: 500 },
    )
  })

  it('finds the member that JSON.parse finds: the last of its name, however it is spelled', () => {
    const name = fc.oneof(
      fc.constantFrom('data', 'd', 'daten', '"', '\\', 'a,b', 'naïve', '__proto__', '💾'),
      fc.string({ unit: 'grapheme' }),
    )
    const member = name.chain((key) => fc.record({ key: fc.constant(key), spelling: spelled(key), value: json }))
    fc.assert(
      fc.property(fc.array(member), space, (members, gap) => {
        const text = `${gap}{${gap}${members.map(({ spelling, value }) => `${spelling}${gap}:${gap}${value}`).join(`${gap},${gap}`)}${gap}}`
        const parsed = JSON.parse(text) as object
        for (const key of [...members.map((each) => each.key), 'absent']) {
          const found = sliceOf(text, memberSpan(Buffer.from(text), key))
          expect(found).toBe(members.findLast((each) => each.key === key)?.value.trim())
          if (found !== undefined) expect(JSON.parse(found)).toEqual(Object.getOwnPropertyDescriptor(parsed, key)?.value)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('finds nothing in what is no object or no array', () => {
    for (const text of ['1', '"data"', '[{"data":1}]', 'null', '']) expect(memberSpan(Buffer.from(text), 'data')).toBeUndefined()
    for (const text of ['1', '"[1]"', '{"a":[1]}', 'null', '']) expect(elementSpans(Buffer.from(text))).toEqual([])
  })

  it('ends on bytes that are no JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('[', ']', '{', '}', ',', ':', '"', '\\', ' ', 'a', '1', '💾') }), (text) => {
        elementSpans(Buffer.from(text))
        try {
          memberSpan(Buffer.from(text), 'data')
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError)
        }
      }),
    )
  })
})
