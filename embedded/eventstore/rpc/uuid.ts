import shared from '@eventstore/db-client/generated/shared_pb.js'
import { thrownByHandler } from './errors.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const BARE_UUID = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/
const BRACKETED_UUID = /^(?:\{(.*)\}|\((.*)\))$/

export const NIL_UUID = '00000000-0000-0000-0000-000000000000'

/** A UUID as lower-case text, from either of its two wire forms; refuses others in EventStoreDB's words. */
export function uuidText(uuid: shared.UUID | undefined): string {
  if (!uuid) throw thrownByHandler("Value cannot be null. (Parameter 'dto')")
  const structured = uuid.getStructured()
  if (structured) return structuredText(structured)
  if (!uuid.hasString()) throw thrownByHandler("Invalid argument: None (Parameter 'dto')")
  const written = uuid.getString().trim().toLowerCase()
  const [, braced, round] = BRACKETED_UUID.exec(written) ?? []
  const text = (braced ?? round ?? written).replace(BARE_UUID, '$1-$2-$3-$4-$5')
  if (!UUID.test(text)) throw thrownByHandler(formatRefusal(text))
  return text
}

function formatRefusal(text: string): string {
  return text.length < 32
    ? 'Unrecognized Guid format.'
    : 'Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).'
}

/** A UUID in the wire form of two numbers. */
export function structuredUuid(text: string): shared.UUID {
  const hex = text.replaceAll('-', '')
  const half = (from: number) => `${BigInt.asIntN(64, BigInt(`0x${hex.slice(from, from + 16)}`))}`
  const structured = new shared.UUID.Structured()
  structured.setMostSignificantBits(half(0)).setLeastSignificantBits(half(16))
  return new shared.UUID().setStructured(structured)
}

function structuredText(structured: shared.UUID.Structured): string {
  const halves = [structured.getMostSignificantBits(), structured.getLeastSignificantBits()]
  const hex = halves
    .map((half) => BigInt.asUintN(64, BigInt(half)).toString(16).padStart(16, '0'))
    .join('')
  return hex.replace(BARE_UUID, '$1-$2-$3-$4-$5')
}
