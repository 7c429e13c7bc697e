import { useState } from 'react'
import { Icon } from './icon.tsx'
import { sayFailed } from './toasts.tsx'

/** Where the page is not served securely a browser has no clipboard for it: then a field is selected and copied the old way. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const field = Object.assign(document.createElement('textarea'), { value: text, className: 'sr' })
  ;(document.querySelector('dialog[open]') ?? document.body).append(field)
  field.select()
  const copied = document.execCommand('copy')
  field.remove()
  if (!copied) throw new Error('The browser did not let it be copied; select and copy it by hand.')
}

export function Copy({ text, label = 'Copy', bare = false }: { text: string; label?: string; bare?: boolean }) {
  const [copied, setCopied] = useState(false)
  const copy = () =>
    copyText(text).then(() => {
      setCopied(true)
      setTimeout(() => setCopied(false), 1_500)
    }, sayFailed)
  return (
    <button
      type="button"
      className={bare ? 'bare' : 'button plain'}
      onClick={() => void copy()}
      aria-label={bare ? label : undefined}
      title={label}
    >
      <Icon name={copied ? 'check' : 'copy'} />
      {!bare && (copied ? 'Copied' : label)}
    </button>
  )
}

export const Id = ({ id }: { id: string }) => (
  <span className="id">
    <code title={id}>{id}</code>
    <Copy text={id} label="Copy the id" bare />
  </span>
)
