import { useState, type ReactNode } from 'react'
import { Button } from './button.tsx'
import { Dialog } from './dialog.tsx'
import { sayFailed } from './toasts.tsx'

type Props = { label: string; title: string; children: ReactNode; action: string; onConfirm(): Promise<void> }

/** A button for what cannot be undone: it says what will be, and asks. */
export function Confirm({ label, title, children, action, onConfirm }: Props) {
  const [open, setOpen] = useState(false)
  const [busy, setBusy] = useState(false)
  const confirm = async () => {
    setBusy(true)
    await onConfirm().then(() => setOpen(false), sayFailed)
    setBusy(false)
  }
  return (
    <>
      <Button kind="danger" onClick={() => setOpen(true)}>
        {label}
      </Button>
      {open && (
        <Dialog title={title} onClose={() => setOpen(false)}>
          <div className="break">{children}</div>
          <div className="row end">
            <Button onClick={() => setOpen(false)}>Cancel</Button>
            <Button kind="danger" busy={busy} onClick={() => void confirm()}>
              {action}
            </Button>
          </div>
        </Dialog>
      )}
    </>
  )
}
