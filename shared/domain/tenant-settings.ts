import type { Plan } from './store/events.ts'

/** The stored events that say what a tenant may. */
export type TenantSettingEvent =
  | { type: 'TenantLimitsSet'; data: { limits: TenantLimits; setAt: string } }
  | { type: 'TenantSuspended'; data: { suspendedAt: string } }
  | { type: 'TenantResumed'; data: { resumedAt: string } }

/** What a tenant may; what is not given here is the installation's default. */
export interface TenantLimits {
  /** Stores at the same time. */
  stores?: number
  /** Stores of a plan at the same time. */
  plans?: Partial<Record<Plan, number>>
  /** To each process of an API. */
  requestsPerMinute?: number
  /** Stores that all provisioners together work on at the same time. */
  concurrency?: number
}

/** What an operator has set for a tenant. */
export interface TenantSettings {
  limits: TenantLimits
  suspended: boolean
  /** How many events have set something: the tenant's ETag. */
  version: number
  /** When the last of them did; undefined when there is none. */
  changedAt?: string
}

/** Everything an operator sets at once. */
export interface SetTenant {
  type: 'SetTenant'
  limits: TenantLimits
  suspended: boolean
  now: string
}

/** The types of the events that set what a tenant may begin so, and no others do. */
export const settingsTypePrefix = 'Tenant'

/** Whether an event says what a tenant may. */
export const isSettingEvent = <E extends { type: string }>(
  event: E,
): event is Extract<E, TenantSettingEvent> => event.type.startsWith(settingsTypePrefix)

/** What holds for a tenant for whom nobody has set anything. */
export const nothingSet: TenantSettings = { limits: {}, suspended: false, version: 0 }

/** The events that make the settings as they are wanted; none when they are. */
export function settingsSet(
  { limits, suspended }: TenantSettings,
  { limits: wanted, suspended: wantsSuspended, now }: SetTenant,
): TenantSettingEvent[] {
  const events: TenantSettingEvent[] = []
  if (!isSame(limits, wanted))
    events.push({ type: 'TenantLimitsSet', data: { limits: wanted, setAt: now } })
  if (wantsSuspended && !suspended)
    events.push({ type: 'TenantSuspended', data: { suspendedAt: now } })
  if (!wantsSuspended && suspended) events.push({ type: 'TenantResumed', data: { resumedAt: now } })
  return events
}

function isSame(one: TenantLimits, other: TenantLimits): boolean {
  const { plans: ofOne = {}, ...restOfOne } = one
  const { plans: ofOther = {}, ...restOfOther } = other
  return hasSameNumbers(restOfOne, restOfOther) && hasSameNumbers(ofOne, ofOther)
}

function hasSameNumbers(one: Record<string, number>, other: Record<string, number>): boolean {
  const names = Object.keys({ ...one, ...other })
  return names.every((name) => one[name] === other[name])
}

/** What is set for a tenant after an event. */
export function settingsAfter(settings: TenantSettings, event: TenantSettingEvent): TenantSettings {
  const version = settings.version + 1
  switch (event.type) {
    case 'TenantLimitsSet':
      return { ...settings, limits: event.data.limits, version, changedAt: event.data.setAt }
    case 'TenantSuspended':
      return { ...settings, suspended: true, version, changedAt: event.data.suspendedAt }
    case 'TenantResumed':
      return { ...settings, suspended: false, version, changedAt: event.data.resumedAt }
  }
}
