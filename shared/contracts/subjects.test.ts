import { expect, test } from 'vitest'
import { storeEventTypes } from './stored-events.ts'
import {
  askingEvents,
  eventSubject,
  storeIdOfSubject,
  notifySubject,
  workSubjects,
} from './subjects.ts'

test('every event has a subject of its own, which tells its store', () => {
  expect(eventSubject('id', 3n, 'StoreRequested')).toBe('evt.id.3.StoreRequested')
  expect(storeIdOfSubject(eventSubject('id', 3n, 'StoreRequested'))).toBe('id')
  expect(storeIdOfSubject(notifySubject('id'))).toBe('id')
  expect(storeIdOfSubject('other.id')).toBeUndefined()
})

test('provisioners hear of what asks for work, and not of their own results', () => {
  const heard = (subject: string) =>
    workSubjects.some((filter) => new RegExp(`^${filter.replaceAll('*', '[^.]+')}$`).test(subject))
  expect(heard(notifySubject('id'))).toBe(true)
  const types = storeEventTypes.filter((type) => heard(eventSubject('id', 3n, type)))
  expect(types.toSorted()).toEqual([...askingEvents].toSorted())
})

test('whatever a person asks for is heard of', () => {
  const asked = storeEventTypes.filter((type) => type.endsWith('Requested'))
  expect(asked.toSorted()).toEqual([...askingEvents].toSorted())
})
