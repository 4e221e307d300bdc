import { releaseNameOf } from '#domain'
import { assert, property, uuid } from 'fast-check'
import { expect, test } from 'vitest'

test('a release name is a valid name of a namespace and of a Helm release', () => {
  assert(
    property(uuid(), (id) => {
      const name = releaseNameOf(id)
      expect(name).toMatch(/^[a-z]([-a-z0-9]*[a-z0-9])?$/)
      expect(name).toHaveLength(28)
    }),
  )
})

test('two stores have two names', () => {
  assert(
    property(uuid(), uuid(), (a, b) => {
      expect(releaseNameOf(a) === releaseNameOf(b)).toBe(a === b)
    }),
  )
})

test('the name of a store never changes: releases are found by it', () => {
  expect(releaseNameOf('3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11')).toBe('s-b7d6ffe3yoluhjwhamln7qvhir')
})
