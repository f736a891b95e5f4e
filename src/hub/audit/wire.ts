/*
 * Rows as COPY takes them in binary (PostgreSQL documentation, "COPY", "Binary Format"), within the
 * protocol's own messages (ibid., "Message Formats"):
 *   'd' ‖ length ‖ 'PGCOPY\n\xff\r\n\0' ‖ flags (int32) ‖ length of extension (int32)
 *     per row: fields (int16) ‖ per field: length (int32, −1 for null) ‖ bytes
 *     −1 (int16)
 *   'c' ‖ length
 * Neither side makes up parameters, and PostgreSQL fills a page with many rows at a time.
 */
const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)])
const copyData = 'd'.charCodeAt(0)
const copyDone = 'c'.charCodeAt(0)

/** Longer texts are encoded in one go. */
const wordLengthMax = 24

/** PostgreSQL counts microseconds from the year 2000. */
const epochMs = Date.UTC(2000, 0, 1)

/** Writes tables' rows one behind the other into one buffer, which goes out in one piece. */
export class CopyWriter {
  readonly #bytesExpected: number
  #bytes: Buffer
  #at = 0
  #tableAt = 0

  constructor(bytesExpected: number) {
    this.#bytesExpected = bytesExpected
    this.#bytes = Buffer.allocUnsafe(bytesExpected)
  }

  /** Begins anew, over what was written before; what grew beyond expectation is given back. */
  clear(): void {
    this.#at = 0
    if (this.#bytes.length > this.#bytesExpected) {
      this.#bytes = Buffer.allocUnsafe(this.#bytesExpected)
    }
  }

  /** What has been written; valid until it is cleared. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  beginTable(): void {
    this.#makeRoom(header.length + 5)
    this.#tableAt = this.#at
    this.#bytes[this.#at] = copyData
    this.#at += 5 // The length is written when it is known.
    this.#at += header.copy(this.#bytes, this.#at)
  }

  endTable(): void {
    this.#makeRoom(7)
    this.#at = this.#bytes.writeInt16BE(-1, this.#at)
    this.#bytes.writeInt32BE(this.#at - this.#tableAt - 1, this.#tableAt + 1)
    this.#bytes[this.#at] = copyDone
    this.#at = this.#bytes.writeInt32BE(4, this.#at + 1)
  }

  beginRow(fieldCount: number): void {
    this.#makeRoom(2)
    this.#at = this.#bytes.writeInt16BE(fieldCount, this.#at)
  }

  /** `bytea`, or `uuid` as its 16 bytes. */
  putBytes(value: Uint8Array | null): void {
    if (value === null) return this.#putNull()
    this.#makeRoom(4 + value.length)
    this.#at = this.#bytes.writeInt32BE(value.length, this.#at)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  /** `text`: UTF-8 without U+0000, or the statement fails. */
  putText(value: string | null): void {
    if (value === null) return this.#putNull()
    this.#makeRoom(4 + value.length * 3)
    const length = this.#putWord(value) ?? this.#bytes.write(value, this.#at + 4, 'utf8')
    this.#at = this.#bytes.writeInt32BE(length, this.#at) + length
  }

  /** `bytea` from hexadecimal digits. */
  putHex(value: string): void {
    this.#makeRoom(4 + value.length)
    const length = this.#bytes.write(value, this.#at + 4, 'hex')
    this.#at = this.#bytes.writeInt32BE(length, this.#at) + length
  }

  putBigint(value: number): void {
    this.#putInt64(value)
  }

  /** `timestamptz` from milliseconds since 1970. */
  putInstant(ms: number): void {
    this.#putInt64((ms - epochMs) * 1000)
  }

  #putNull(): void {
    this.#makeRoom(4)
    this.#at = this.#bytes.writeInt32BE(-1, this.#at)
  }

  /**
   * A short text of ASCII, character by character: most texts are such, and a call out of JavaScript
   * costs three times as much. Answers its length; null where the text is another.
   */
  #putWord(value: string): number | null {
    if (value.length > wordLengthMax) return null
    const bytes = this.#bytes
    let at = this.#at + 4
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index)
      if (code > 0x7f) return null
      bytes[at++] = code
    }
    return value.length
  }

  /** A safe integer (below 2^53 either way) in two's complement: a BigInt of it costs more than all else. */
  #putInt64(value: number): void {
    this.#makeRoom(12)
    this.#at = this.#bytes.writeInt32BE(8, this.#at)
    this.#at = this.#bytes.writeInt32BE(Math.floor(value / 2 ** 32), this.#at)
    this.#at = this.#bytes.writeUInt32BE(value >>> 0, this.#at)
  }

  #makeRoom(length: number): void {
    if (this.#at + length <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe((this.#at + length) * 2)
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}
