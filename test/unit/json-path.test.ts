import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memberSpans, scalarAt, spanAt } from '../../services/ingest/json-slice.ts'

const textAt = (json: string, ...path: string[]) => {
  const bytes = Buffer.from(json)
  const span = spanAt(bytes, path)
  return span && bytes.subarray(span.start, span.end).toString()
}

describe('values by path', () => {
  it.each<[string, string[], string | undefined]>([
    ['{"a":{"b":[1,{"c":9007199254740993}]}}', ['a', 'b', '1', 'c'], '9007199254740993'],
    ['\ufeff { "a" : "\\u0041" }', ['a'], 'A'],
    ['{"\\u0061":1,"a":2}', ['a'], '2'],
    ['{"a":true,"b":false}', ['b'], 'false'],
    ['{"a":-1.50}', ['a'], '-1.50'],
    ['{"a":null}', ['a'], undefined],
    ['{"a":{}}', ['a'], undefined],
    ['{"a":[]}', ['a'], undefined],
    ['{"a":[1]}', ['a', '01'], undefined],
    ['{"a":[1]}', ['a', '1'], undefined],
    ['{"a":[1]}', ['a', 'length'], undefined],
    ['{"a":"text"}', ['a', '0'], undefined],
    ['{"0":1}', ['0'], '1'],
    ['{"":{"":1}}', ['', ''], '1'],
  ])('%s at %j is %s', (json, path, text) => {
    expect(scalarAt(Buffer.from(json), ...path)).toBe(text)
  })

  it('finds in any JSON what JSON.parse finds', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }), (object) => {
        const json = JSON.stringify(object)
        const spans = memberSpans(Buffer.from(json))
        expect([...spans.keys()].sort()).toEqual(Object.keys(object).sort())
        for (const name of Object.keys(object))
          expect(JSON.parse(textAt(json, name) as string)).toEqual(JSON.parse(JSON.stringify(object[name])))
      }),
    )
  })
})
