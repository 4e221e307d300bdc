import { compileExpression } from './dotnet-expression.ts'

/** Chooses events of `$all` by a list of prefixes or by a regular expression, which counts where both are given. */
export interface EventFilter {
  on: 'stream' | 'type'
  regex: string
  prefixes: string[]
}

export type EventMatcher = (event: { stream: string; type: string }) => boolean

/** Compiles a filter once for a whole read; throws a ServiceError for an expression that cannot be compiled. */
export function compileFilter({ on, prefixes, regex }: EventFilter): EventMatcher {
  const matches =
    regex === ''
      ? (text: string) => prefixes.some((prefix) => text.startsWith(prefix))
      : compileExpression(regex)
  return on === 'stream' ? (event) => matches(event.stream) : (event) => matches(event.type)
}
