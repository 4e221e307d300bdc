/** The first of what a workflow made; throws when it made nothing. */
export function first<T>(items: T[], what: string): T {
  const [item] = items
  if (item === undefined) throw new Error(`there is no ${what}`)
  return item
}
