/** Chooses events of `$all`; a prefix list and a regular expression are alternatives. */
export interface EventFilter {
  on: 'stream' | 'type'
  regex: string
  prefixes: string[]
}

/** Compiles a filter once for a whole subscription; throws SyntaxError for a bad expression. */
export function compileFilter(
  filter: EventFilter,
): (event: { stream: string; type: string }) => boolean {
  const matches = compileText(filter)
  return filter.on === 'stream' ? (event) => matches(event.stream) : (event) => matches(event.type)
}

function compileText({ prefixes, regex }: EventFilter): (text: string) => boolean {
  if (prefixes.length > 0) return (text) => prefixes.some((prefix) => text.startsWith(prefix))
  const pattern = new RegExp(regex, 'u')
  return (text) => pattern.test(text)
}
