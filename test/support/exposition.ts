/** A sample of a text in the format of Prometheus. */
export type Sample = { name: string; labels: Record<string, string>; value: number }

export function samplesOf(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      if (name === undefined) throw new Error(`no sample: ${line}`)
      return {
        name,
        labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, of]) => [key, of])),
        value: Number(value),
      }
    })
}

/** Of the first line that begins so. */
export function valueOf(text: string, beginning: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(beginning))
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1))
}
