import { expect, test } from 'vitest'
import { isFree } from '../../embedded/processes/free-port.ts'
import { npmStart, USUAL_PORT } from '#test/stack/npm-start'

test(`npm start listens on port ${USUAL_PORT} when it is not told where`, async ({ skip }) => {
  skip(!(await isFree(USUAL_PORT)), `port ${USUAL_PORT} is taken, by a running npm start perhaps`)

  await using stack = await npmStart({ PORT: '' })

  expect(stack.url).toBe('http://localhost:3001')
  expect((await fetch('http://localhost:3001/health/ready')).status).toBe(200)
})
