import { expect, test } from 'vitest'
import { eventId, storeIdOf } from './event-store.ts'

const command = '3f0c1e8a-52c8-4d6e-9a39-0a3f5b8f7e11'

test('the ids of what has happened never change', () => {
  expect(eventId(command, 0)).toBe('c40226f7-eb32-54ba-8444-0a95213e994f')
  expect(storeIdOf('demo', 'test-123')).toBe('1370e47d-8d7d-5183-9bf7-62a6e8d65a84')
})

test('every event of a command has an id of its own, and so has every command', () => {
  const ids = [eventId(command, 0), eventId(command, 1), eventId(`${command}1`, 0)]

  expect(new Set(ids).size).toBe(3)
})

test('the same key of two tenants stands for two stores', () => {
  expect(storeIdOf('one', 'key')).not.toBe(storeIdOf('two', 'key'))
})

test('where the tenant ends and the key begins makes a difference', () => {
  expect(storeIdOf('ab', 'c')).not.toBe(storeIdOf('a', 'bc'))
})
