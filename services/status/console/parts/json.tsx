import { JsonView, type defaultStyles } from 'react-json-view-lite'
import { useState } from 'react'
import { Copy } from './copy.tsx'

const classes: typeof defaultStyles = {
  container: 'json',
  basicChildStyle: 'json-child',
  childFieldsContainer: 'json-children',
  label: 'json-label',
  clickableLabel: 'json-label',
  nullValue: 'json-null',
  undefinedValue: 'json-null',
  stringValue: 'json-string',
  booleanValue: 'json-number',
  numberValue: 'json-number',
  otherValue: 'json-null',
  punctuation: 'json-mark',
  collapseIcon: 'json-fold open',
  expandIcon: 'json-fold',
  collapsedContent: 'json-more',
  quotesForFieldNames: false,
  stringifyStringValues: true,
  ariaLables: { collapseJson: 'fold', expandJson: 'unfold' },
}

export const Tree = ({ data, level = 3 }: { data: unknown; level?: number }) =>
  typeof data === 'object' && data !== null ? (
    <JsonView data={data} style={classes} clickToExpandNode shouldExpandNode={(depth) => depth < level} aria-label="Contents" />
  ) : (
    <pre className="raw">{JSON.stringify(data) ?? ''}</pre>
  )

/** More than this is shown only when it is asked for: a browser stands still over megabytes of text. */
const shownAtFirst = 40_000

export function Raw({ text }: { text: string }) {
  const [whole, setWhole] = useState(false)
  const shown = whole ? text : text.slice(0, shownAtFirst)
  return (
    <>
      <pre className="raw" tabIndex={0}>
        {shown}
      </pre>
      {shown.length < text.length && (
        <button type="button" className="link" onClick={() => setWhole(true)}>
          Show the other {(text.length - shown.length).toLocaleString('en-GB')} characters
        </button>
      )}
    </>
  )
}

export function parseJson(text: string): { json: unknown } | undefined {
  try {
    const json: unknown = JSON.parse(text)
    return typeof json === 'object' && json !== null ? { json } : undefined
  } catch {
    // no JSON: it is shown as the text that it is
    return undefined
  }
}

/** A body: as a tree where it is JSON, and always as it was. */
export function Body({ text, note }: { text: string | null; note?: string | null }) {
  const [asTree, setAsTree] = useState(true)
  const parsed = text === null ? undefined : parseJson(text)
  if (text === null) return <p className="hint">{note ?? 'There was none.'}</p>
  if (text === '') return <p className="hint">Empty.</p>
  return (
    <div className="body">
      <div className="body-tools">
        {parsed && (
          <div className="segments" role="group" aria-label="View">
            <button type="button" aria-pressed={asTree} onClick={() => setAsTree(true)}>
              Tree
            </button>
            <button type="button" aria-pressed={!asTree} onClick={() => setAsTree(false)}>
              Raw
            </button>
          </div>
        )}
        <span className="grow" />
        <Copy text={text} label="Copy the body" bare />
      </div>
      {note && <p className="hint">{note}</p>}
      {parsed && asTree ? <Tree data={parsed.json} /> : <Raw text={text} />}
    </div>
  )
}
