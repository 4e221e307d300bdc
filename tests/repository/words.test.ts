import { expect, test } from 'vitest'
import { linesOf, repositoryFiles } from './files.ts'

/** Words this project once had of its own, beside the field's term that replaced each. */
const replaced: [RegExp, string][] = [
  [/licence(?!s? (?:key|text|file))/i, 'ClaimLease'],
  [/\boutOfTime\b/, 'shutdownDeadline'],
  [/\battend\b/, 'handleMessage'],
  [/\bretryInMs\b/, 'requeueAfterMs'],
  [/\b(?:PlaceGroup|holdPlace|openPlaces|watchPlaces)\b/, 'PermitGroup, acquirePermit, semaphore'],
  [/\basKeeper\b|keeper_role|\bkeepers?\b/i, 'namespace access'],
  [/\b(?:TENANT_|CLUSTER_|CLUSTER_TENANT_)?SLOTS\b/, 'CONCURRENCY'],
  [/\b(?:becomeLeader|patiently|hurry)\b/i, 'electLeader, retryAppend'],
  [/order-?checks?\b|prove-?sale|\btill\b/i, 'smoke test'],
  [/\b(?:mistrust|furnish)\w*\b/i, 'invalidate, bootstrap'],
  [/\bmend(?:s|ed|ing)?\b/i, 'fix'],
  [
    /\b(?!ImageParts?\b)(?:\w*[a-z]Parts?|Parts?[A-Z]\w*|parts?[A-Z]\w*)\b/,
    'dependency, check or component',
  ],
  [
    /\b(?:a|the|each|failing|given) parts? (?:that|which|is|are|did|does)\b/i,
    'dependency, check or component',
  ],
  [/\bbells?\b|\brings? (?:again|it|for|the)\b/i, 'notify'],
  [/\banew\b|\bwhoever\b|\bof today\b|\bfor so long\b/i, 'plain English'],
]
/** Where they may stand: here. */
const exempt = /^(?:tests\/repository\/|package-lock\.json|LICENSE$)/

test('the words of the field are used everywhere, and the old ones nowhere', () => {
  const found = repositoryFiles()
    .filter((path) => !exempt.test(path))
    .flatMap((path) => [path, ...linesOf(path)].flatMap((line, index) => hits(path, line, index)))

  expect(found).toEqual([])
})

function hits(path: string, line: string, index: number): string[] {
  return replaced
    .filter(([word]) => word.test(line))
    .map(([word, term]) => `${path}:${index}: ${word.exec(line)?.[0]} → ${term}`)
}
