import { createHash } from 'node:crypto'
import type { Target } from '../../reconcile/driver.ts'

const MANAGER = 'storewright'
const labelValue = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/

/** Labels of every object the provisioner makes for a store. */
export function storeLabels({ request }: Target): Record<string, string> {
  return {
    'app.kubernetes.io/managed-by': MANAGER,
    'storewright.dev/store': request.storeId,
    'storewright.dev/tenant': labelSafe(request.tenantId),
  }
}

/** True for labels that say: made by the provisioner for this very store. */
export function areOf(labels: Record<string, string>, { request }: Target): boolean {
  return (
    labels['app.kubernetes.io/managed-by'] === MANAGER &&
    labels['storewright.dev/store'] === request.storeId
  )
}

/** The text itself where a label can hold it, else a name that stands for it alone. */
export function labelSafe(text: string): string {
  if (labelValue.test(text)) return text
  return `h-${createHash('sha256').update(text).digest('hex').slice(0, 40)}`
}
