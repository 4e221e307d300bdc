import { command, given } from '#test/given'
import { expect, test } from 'vitest'
import { store, type StoreCommand, type StoreEvent } from '#domain'

const { change } = command
const after = (...commands: StoreCommand[]) => {
  const events: StoreEvent[] = []
  for (const each of commands) events.push(...given(store, ...events).when(each))
  return { events, state: given(store, ...events).state }
}

test('a change leaves the claim of a worker as it is, and the worker ends its work with the new name', () => {
  const claimed = after(command.request, command.claim('c1'))
  const { state } = after(command.request, command.claim('c1'), change({ name: 'New' }))

  expect(state).toEqual({
    ...claimed.state,
    request: {
      ...('request' in claimed.state && claimed.state.request),
      name: 'New',
      generation: 2,
    },
  })
  const ready = after(
    command.request,
    command.claim('c1'),
    change({ name: 'New' }),
    command.complete('c1'),
  )
  expect(ready.state).toMatchObject({ status: 'ready', request: { name: 'New', generation: 2 } })
})

test('each change has the next generation, and holds only what differs', () => {
  const { events } = after(
    command.request,
    change({ labels: { team: 'shop' } }),
    change({ labels: { team: 'shop' } }),
    change({ reference: '7' }),
  )

  expect(events.slice(1)).toMatchObject([
    { type: 'ChangeRequested', data: { generation: 2, changes: { labels: { team: 'shop' } } } },
    { type: 'ChangeRequested', data: { generation: 3, changes: { reference: '7' } } },
  ])
})
