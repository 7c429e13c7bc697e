/** What one look found: `wrong` has something to mend, `note` is worth knowing. */
export type Finding = { check: string; state: 'ok' | 'note' | 'wrong'; says: string; mend?: string }

export const ok = (check: string, says: string): Finding => ({ check, state: 'ok', says })
export const note = (check: string, says: string): Finding => ({ check, state: 'note', says })
export const wrong = (check: string, says: string, mend: string): Finding => ({ check, state: 'wrong', says, mend })

/** Passwords in URLs are nobody's business. */
export const withoutPassword = (url: string): string => url.replace(/(\/\/[^/:@]*):[^@/]*@/, '$1:***@')
