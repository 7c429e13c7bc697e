import { useEffect, useRef, useState, type ReactNode } from 'react'
import { useLocation } from 'wouter'
import { Dialog } from './parts/dialog.tsx'

const places: Record<string, { path: string; name: string }> = {
  o: { path: '/', name: 'Overview' },
  d: { path: '/deliveries', name: 'Deliveries' },
  w: { path: '/webhooks', name: 'Webhooks' },
  s: { path: '/sources', name: 'Sources' },
  e: { path: '/event-types', name: 'Event types' },
  k: { path: '/keys', name: 'Keys' },
  a: { path: '/audit', name: 'Audit' },
}

/** `g` and a letter goes places, `?` shows what there is; nothing happens while somebody types. */
export function useShortcuts(): ReactNode {
  const [, navigate] = useLocation()
  const [shown, setShown] = useState(false)
  const going = useRef(false)

  useEffect(() => {
    function press(event: KeyboardEvent) {
      const target = event.target as HTMLElement
      if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return
      const place = going.current ? places[event.key] : undefined
      going.current = event.key === 'g'
      if (place) navigate(place.path)
      else if (event.key === '?') setShown(true)
      else if (event.key === '/') {
        const field = document.querySelector<HTMLElement>('[data-search]')
        if (field) event.preventDefault()
        field?.focus()
      }
    }
    document.addEventListener('keydown', press)
    return () => document.removeEventListener('keydown', press)
  }, [navigate])

  return (
    shown && (
      <Dialog title="Keys" onClose={() => setShown(false)}>
        <dl className="pairs">
          {Object.entries(places).map(([letter, { name }]) => (
            <Pair key={letter} keys={['g', letter]} text={name} />
          ))}
          <Pair keys={['/']} text="to the filter" />
          <Pair keys={['↑', '↓']} text="through the rows of the log" />
          <Pair keys={['Enter']} text="open the row" />
          <Pair keys={['Space']} text="select the row" />
          <Pair keys={['l']} text="live, or paused" />
          <Pair keys={['Esc']} text="close" />
        </dl>
      </Dialog>
    )
  )
}

const Pair = ({ keys, text }: { keys: string[]; text: string }) => (
  <>
    <dt>
      {keys.map((key) => (
        <kbd key={key}>{key}</kbd>
      ))}
    </dt>
    <dd>{text}</dd>
  </>
)
