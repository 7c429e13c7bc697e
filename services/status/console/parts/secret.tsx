import { Button } from './button.tsx'
import { Copy } from './copy.tsx'
import { Dialog } from './dialog.tsx'

/** Shown this once: it is closed on purpose only. */
export const SecretShown = ({ title, text, about, onClose }: { title: string; text: string; about: string; onClose(): void }) => (
  <Dialog title={title} onClose={onClose}>
    <p>{about}</p>
    <div className="secret">
      <code className="break">{text}</code>
      <Copy text={text} label="Copy" />
    </div>
    <p className="hint">It is shown this once. Tidings keeps it sealed, or only a hash of it, and cannot show it again.</p>
    <div className="row end">
      <Button kind="primary" onClick={onClose}>
        I have kept it
      </Button>
    </div>
  </Dialog>
)
