import { types, type CustomTypesConfig } from 'pg'

const timestamptz: number = types.builtins.TIMESTAMPTZ
const int8: number = types.builtins.INT8

/** How columns arrive: `timestamptz` as ISO 8601 UTC text, `bigint` as a bigint, everything else as pg has it. */
export const columnTypes: CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => {
    if (format === 'binary') return types.getTypeParser(oid, 'binary')
    if (oid === timestamptz) return isoTime
    if (oid === int8) return BigInt
    return types.getTypeParser(oid, 'text')
  },
}

/** PostgreSQL's `2026-01-01 00:00:00.5+00` as `2026-01-01T00:00:00.500Z`; no Date is made on the way. */
function isoTime(text: string): string {
  if (!text.endsWith('+00') || text.length < 22) return new Date(text).toISOString()
  const seconds = text.slice(0, -3)
  const fraction = seconds.length > 19 ? seconds.slice(20).padEnd(3, '0') : '000'
  return `${seconds.slice(0, 10)}T${seconds.slice(11, 19)}.${fraction}Z`
}
