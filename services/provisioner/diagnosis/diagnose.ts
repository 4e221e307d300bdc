import type { Failure } from '#domain'
import { printable } from '../redact.ts'
import type { Evidence, PodEvidence } from './evidence.ts'
import { lateRules, runRules, stderrRules } from './rules/helm.ts'
import { crashRules, imageRules, podRules } from './rules/pods.ts'
import { fixChart, type HelmRun, type Rule } from './rules/rule.ts'
import { jobRules, pvcRules, refusalRules, timeoutRules } from './rules/store.ts'

const DETAIL_CHARACTERS_MAX = 1_000

/** The most specific first; of several causes the one that the others depend on. */
const rules: readonly Rule[] = [
  ...runRules,
  ...stderrRules,
  ...imageRules,
  ...refusalRules,
  ...podRules,
  ...pvcRules,
  ...crashRules,
  ...jobRules,
  ...lateRules,
  ...timeoutRules,
]

/** Why a run of helm did not make the store ready. Pure; never throws, and shows no secret. */
export function diagnose(evidence: Evidence, helm: HelmRun): Failure {
  const said = { ...helm, stderr: evidence.redact(helm.stderr) }
  const seen = { evidence, helm: said, stuck: stuckPods(evidence) }
  for (const { reason, retryable, nextAction, find } of rules) {
    const detail = find(seen)
    if (detail !== undefined) return { reason, retryable, detail: shown(detail), nextAction }
  }
  const detail = shown(`helm: ${said.stderr.trim() || 'it did not say why'}`)
  return { reason: 'HELM_FAILED', retryable: true, detail, nextAction: fixChart }
}

/** Databases before their engines: an engine without its database crashes as well. */
function stuckPods({ pods, jobs }: Evidence): PodEvidence[] {
  const cron = new Set(jobs.filter(({ ofCronJob }) => ofCronJob).map(({ name }) => name))
  const isStateful = (pod: PodEvidence) => Number(pod.owner?.kind === 'StatefulSet')
  return pods
    .filter(({ ready, ending, phase }) => !ready && !ending && phase !== 'Succeeded')
    .filter(({ owner }) => owner?.kind !== 'Job' || !cron.has(owner.name))
    .toSorted((a, b) => isStateful(b) - isStateful(a))
}

function shown(detail: string): string {
  return printable(detail, DETAIL_CHARACTERS_MAX, 'start')
}
