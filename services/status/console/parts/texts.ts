/** What is written in the named fields of a form. */
export function textsOf(form: HTMLFormElement, ...names: string[]): string[] {
  const given = new FormData(form)
  return names.map((name) => {
    const value = given.get(name)
    return typeof value === 'string' ? value : ''
  })
}
