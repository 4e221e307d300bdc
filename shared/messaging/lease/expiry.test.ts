import { expect, test } from 'vitest'
import { assessSilence } from './expiry.ts'

const quietMs = 15_000
const absent = { bucket: 'b1', lease: undefined }
const present = (sequence: number) => ({ bucket: 'b1', lease: { sequence, released: false } })

function silenceAt(startMs = 0) {
  let clock = startMs
  const assess = assessSilence(quietMs, () => clock)
  return {
    after: (ms: number) => {
      clock += ms
      return {
        assess: (stored: Parameters<typeof assess>[1], up = quietMs) => assess('k', stored, up),
      }
    },
  }
}

test('an absent lease proves nothing while the bucket is not known for long enough', () => {
  const silence = silenceAt()

  expect(silence.after(0).assess(absent)).toBe('unknown')
  expect(silence.after(quietMs - 1).assess(absent)).toBe('unknown')
  expect(silence.after(1).assess(absent)).toBe('silent')
})

test('an absent lease proves nothing while the connection is not up for long enough', () => {
  const silence = silenceAt()
  silence.after(0).assess(absent)

  expect(silence.after(quietMs).assess(absent, quietMs - 1)).toBe('unknown')
})

test('a bucket that was made again proves nothing at first', () => {
  const silence = silenceAt()
  silence.after(0).assess(absent)
  silence.after(quietMs)

  expect(silence.after(0).assess({ ...absent, bucket: 'b2' })).toBe('unknown')
})

test('a released lease is known as such at once', () => {
  const released = { bucket: 'b1', lease: { sequence: 4, released: true } }

  expect(silenceAt().after(0).assess(released, 0)).toBe('released')
})

test('F43: a value that the server’s clock never lets expire is silent once it has not changed for long enough', () => {
  const silence = silenceAt()

  expect(silence.after(0).assess(present(7))).toBe('held')
  expect(silence.after(quietMs - 1).assess(present(7))).toBe('held')
  expect(silence.after(1).assess(present(7))).toBe('silent')
})

test('a value that was renewed in between is held', () => {
  const silence = silenceAt()
  silence.after(0).assess(present(7))

  expect(silence.after(quietMs).assess(present(8))).toBe('held')
})
