import { expect, test } from 'vitest'
import { judgeSilence } from './expiry.ts'

const quietMs = 15_000
const absent = { bucket: 'b1', lease: undefined }
const present = (sequence: number) => ({ bucket: 'b1', lease: { sequence, released: false } })

function silenceAt(startMs = 0) {
  let clock = startMs
  const judge = judgeSilence(quietMs, () => clock)
  return {
    after: (ms: number) => {
      clock += ms
      return {
        judge: (stored: Parameters<typeof judge>[1], up = quietMs) => judge('k', stored, up),
      }
    },
  }
}

test('an absent lease proves nothing while the bucket is not known for long enough', () => {
  const silence = silenceAt()

  expect(silence.after(0).judge(absent)).toBe('unknown')
  expect(silence.after(quietMs - 1).judge(absent)).toBe('unknown')
  expect(silence.after(1).judge(absent)).toBe('free')
})

test('an absent lease proves nothing while the connection is not up for long enough', () => {
  const silence = silenceAt()
  silence.after(0).judge(absent)

  expect(silence.after(quietMs).judge(absent, quietMs - 1)).toBe('unknown')
})

test('a bucket that was made anew proves nothing at first', () => {
  const silence = silenceAt()
  silence.after(0).judge(absent)
  silence.after(quietMs)

  expect(silence.after(0).judge({ ...absent, bucket: 'b2' })).toBe('unknown')
})

test('a released lease is free at once', () => {
  const released = { bucket: 'b1', lease: { sequence: 4, released: true } }

  expect(silenceAt().after(0).judge(released, 0)).toBe('free')
})

test('F43: a value that the server’s clock never lets expire is free once it has stood still', () => {
  const silence = silenceAt()

  expect(silence.after(0).judge(present(7))).toBe('held')
  expect(silence.after(quietMs - 1).judge(present(7))).toBe('held')
  expect(silence.after(1).judge(present(7))).toBe('free')
})

test('a value that was renewed in between is held', () => {
  const silence = silenceAt()
  silence.after(0).judge(present(7))

  expect(silence.after(quietMs).judge(present(8))).toBe('held')
})
