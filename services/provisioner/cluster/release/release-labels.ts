import type { Licence, ReleaseLabels, Target } from '../../reconcile/driver.ts'

const LABEL_LENGTH_MAX = 63

/** What helm writes on the release's record: whose it is, and what it is made from. */
export function labelled(target: Target, { attempt, claimId }: Licence): string {
  const labels = {
    'cp.store': target.request.storeId,
    'cp.attempt': String(attempt),
    'cp.claim': claimId,
    'cp.values': short(target.values.digest),
    'cp.chart': short(target.chart.digest),
  }
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',')
}

/** The labels of a record, with whole digests where they are the wanted ones. */
export function releaseLabelsOf(labels: Record<string, string>, target: Target): ReleaseLabels {
  const { 'cp.store': store = '', 'cp.attempt': attempt, 'cp.claim': claim = '' } = labels
  const { 'cp.values': values = '', 'cp.chart': chart = '' } = labels
  return {
    store,
    attempt: Number(attempt ?? 0),
    claim,
    values: whole(values, target.values.digest),
    chart: whole(chart, target.chart.digest),
  }
}

// A label holds one character less than a SHA-256.
const short = (digest: string): string => digest.slice(0, LABEL_LENGTH_MAX)
const whole = (label: string, digest: string): string => (label === short(digest) ? digest : label)
