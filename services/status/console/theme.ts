export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]
const name = 'tidings.theme'

/** A preference, and nothing else is ever kept in the browser's storage. */
export const storedTheme = (): Theme => themes.find((theme) => theme === localStorage.getItem(name)) ?? 'system'

export function applyTheme(theme: Theme = storedTheme()): void {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

export function keepTheme(theme: Theme): void {
  localStorage.setItem(name, theme)
  applyTheme(theme)
}
