import { Fragment } from 'react'

/** A description of the API: what stands between back quotes is code. */
export const Prose = ({ text }: { text: string }) =>
  text.split('`').map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : <Fragment key={i}>{part}</Fragment>))
