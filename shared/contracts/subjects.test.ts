import { expect, test } from 'vitest'
import { eventSubject, storeIdOfSubject, wakeSubject, workSubjects } from './subjects.ts'

test('every event has a subject of its own, which tells its store', () => {
  expect(eventSubject('id', 3n, 'StoreRequested')).toBe('evt.id.3.StoreRequested')
  expect(storeIdOfSubject(eventSubject('id', 3n, 'StoreRequested'))).toBe('id')
  expect(storeIdOfSubject(wakeSubject('id'))).toBe('id')
  expect(storeIdOfSubject('other.id')).toBeUndefined()
})

test('provisioners hear of what asks for work, and not of their own results', () => {
  const heard = (subject: string) =>
    workSubjects.some((filter) => new RegExp(`^${filter.replaceAll('*', '[^.]+')}$`).test(subject))
  for (const type of ['StoreRequested', 'RetryRequested', 'CancelRequested', 'DeletionRequested'])
    expect(heard(eventSubject('id', 3n, type))).toBe(true)
  expect(heard(wakeSubject('id'))).toBe(true)
  for (const type of ['ProvisioningStarted', 'StoreProvisioned', 'StoreFailed', 'StoreDeleted'])
    expect(heard(eventSubject('id', 3n, type))).toBe(false)
})
