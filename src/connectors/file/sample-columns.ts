import type { FieldType } from '../../../schemas/field.ts'
import type { DecodedRow } from '../../exchange/types.ts'
import type { SourceColumn } from '../contract.ts'

export const sampleRowsMax = 5

/** What the first rows show of their columns; JSON has no other word for them. */
export function sampleColumns(decoded: readonly DecodedRow[]): SourceColumn[] {
  const rows = decoded.slice(0, sampleRowsMax).flatMap(({ row }) => (row ? [row] : []))
  const names = new Set(rows.flatMap((row) => Object.keys(row)))
  return [...names].map((name) => {
    const value = rows.map((row) => row[name]).find((one) => one !== null && one !== undefined)
    const nativeType = Array.isArray(value) ? 'array' : value === undefined ? 'null' : typeof value
    return { name, nativeType, type: typeOf(nativeType), isNullable: true }
  })
}

function typeOf(nativeType: string): FieldType {
  if (nativeType === 'number') return 'decimal'
  const isOwn = nativeType === 'boolean' || nativeType === 'array' || nativeType === 'object'
  return isOwn ? nativeType : 'text'
}
