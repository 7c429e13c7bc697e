/** Paths on a grid of 16, drawn with strokes: a handful of our own weighs less than any set of icons. */
const paths = {
  pulse: 'M1 8h3l2-5 4 10 2-5h3',
  list: 'M2 4h12M2 8h12M2 12h12',
  hook: 'M5 2v6a3 3 0 1 0 6 0M11 8l-2 2M11 8l2 2M3.5 2h3',
  source: 'M3 4c0-3 10-3 10 0v8c0 3-10 3-10 0zM3 4c0 3 10 3 10 0M3 8c0 3 10 3 10 0',
  tag: 'M2 2h6l6 6-6 6-6-6zM5 5h.01',
  key: 'M9.5 6.5 3 13h-1v-2l6.5-6.5M8 5a3 3 0 1 1 3 3 3 3 0 0 1-3-3',
  audit: 'M4 2h8v12H4zM6 5h4M6 8h4M6 11h2',
  queue: 'M2 3h5v4H2zM9 3h5v4H9zM2 9h5v4H2zM9 9h5v4H9z',
  book: 'M3 2h9a1 1 0 0 1 1 1v11H4a1 1 0 0 1-1-1zM3 12h10',
  out: 'M6 3h7v7M13 3 6 10',
  menu: 'M2 4h12M2 8h12M2 12h12',
  close: 'M3 3l10 10M13 3 3 13',
  copy: 'M5 5h8v9H5zM11 5V2H3v9h2',
  play: 'M4 2l9 6-9 6z',
  pause: 'M5 3v10M11 3v10',
  again: 'M13 8a5 5 0 1 1-1.5-3.600M13 2v3h-3',
  plus: 'M8 3v10M3 8h10',
  down: 'M4 6l4 4 4-4',
  check: 'M3 8l3.5 3.5L13 4.5',
  warn: 'M8 2l6.5 12h-13zM8 6v4M8 12h.01',
  clock: 'M8 2a6 6 0 1 0 .01 0M8 5v3.5l2 1.5',
  stop: 'M4 4h8v8H4z',
  terminal: 'M2 3h12v10H2zM4.5 6l2 2-2 2M8.5 10h3',
} as const
export type IconName = keyof typeof paths

export const Icon = ({ name, className = '' }: { name: IconName; className?: string }) => (
  <svg className={`icon ${className}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
    <path d={paths[name]} fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round" />
  </svg>
)
