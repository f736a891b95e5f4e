/*
 * Arrays as PostgreSQL's own binary format takes them (src/backend/utils/adt/arrayfuncs.c, array_recv):
 *   dimensions (int32) ‖ has nulls (int32) ‖ element type (int32) ‖ length (int32) ‖ lower bound (int32)
 *   ‖ per element: length in bytes (int32, −1 for null) ‖ bytes
 * `pg` sends a Buffer as binary. As text, 256 entries would be a megabyte of quoted hexadecimal digits.
 */
const elementTypes = { bytea: 17, bigint: 20, text: 25, timestamptz: 1184, uuid: 2950 } as const
type ElementType = keyof typeof elementTypes

function binaryArray(type: ElementType, elements: readonly (Buffer | null)[]): Buffer {
  let length = 20
  for (const element of elements) length += 4 + (element?.length ?? 0)
  const bytes = Buffer.allocUnsafe(length)
  bytes.writeInt32BE(1, 0)
  bytes.writeInt32BE(elements.includes(null) ? 1 : 0, 4)
  bytes.writeInt32BE(elementTypes[type], 8)
  bytes.writeInt32BE(elements.length, 12)
  bytes.writeInt32BE(1, 16)
  let at = 20
  for (const element of elements) {
    at = bytes.writeInt32BE(element ? element.length : -1, at)
    if (element) at += element.copy(bytes, at)
  }
  return bytes
}

export const byteaArray = (values: readonly (Buffer | null)[]): Buffer =>
  binaryArray('bytea', values)

export const uuidArray = (values: readonly string[]): Buffer =>
  binaryArray(
    'uuid',
    values.map((value) => Buffer.from(value.replaceAll('-', ''), 'hex')),
  )

/** Texts are UTF-8 without U+0000, or the statement fails. */
export const textArray = (values: readonly (string | null)[]): Buffer =>
  binaryArray(
    'text',
    values.map((value) => (value === null ? null : Buffer.from(value))),
  )

const int64 = (value: bigint): Buffer => {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

export const bigintArray = (values: readonly number[]): Buffer =>
  binaryArray(
    'bigint',
    values.map((value) => int64(BigInt(value))),
  )

/** PostgreSQL counts microseconds from the year 2000. */
const epochMs = Date.UTC(2000, 0, 1)

/** Of milliseconds since 1970. */
export const instantArray = (values: readonly number[]): Buffer =>
  binaryArray(
    'timestamptz',
    values.map((value) => int64(BigInt(value - epochMs) * 1000n)),
  )
