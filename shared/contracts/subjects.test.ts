import { expect, test } from 'vitest'
import { storeEventTypes } from './stored-events.ts'
import {
  eventSubject,
  notifySubject,
  requestEventTypes,
  storeIdOfSubject,
  workSubjects,
} from './subjects.ts'

test('every event has a subject of its own, which tells its store', () => {
  expect(eventSubject('id', 3n, 'StoreRequested')).toBe('evt.id.3.StoreRequested')
  expect(storeIdOfSubject(eventSubject('id', 3n, 'StoreRequested'))).toBe('id')
  expect(storeIdOfSubject(notifySubject('id'))).toBe('id')
  expect(storeIdOfSubject('other.id')).toBeUndefined()
})

test('provisioners get the events that request work, and not those of their own results', () => {
  const heard = (subject: string) =>
    workSubjects.some((filter) => new RegExp(`^${filter.replaceAll('*', '[^.]+')}$`).test(subject))
  expect(heard(notifySubject('id'))).toBe(true)
  const types = storeEventTypes.filter((type) => heard(eventSubject('id', 3n, type)))
  expect(types.toSorted()).toEqual([...requestEventTypes].toSorted())
})

test('every event that a person causes requests work, but a change that is done when it is stored', () => {
  const done = 'ChangeRequested'
  const asked = storeEventTypes.filter((type) => type.endsWith('Requested') && type !== done)
  expect(asked.toSorted()).toEqual([...requestEventTypes].toSorted())
})
