/** The parts of a fully qualified name; OpenMetadata quotes a part that has a full stop in it: `service."my.db".orders`. */
export function nameParts(name: string): string[] {
  const parts = name.match(/"(?:[^"]|"")*"|[^."]+/g)
  if (!parts || parts.join('.') !== name) return [name]
  return parts.map((part) => (part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part))
}
