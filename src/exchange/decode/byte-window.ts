/**
 * The bytes between the last finished block and the newest chunk. Bytes are copied in, since the source may use its chunk again;
 * memory is bounded by what the decoder leaves undropped, not by the length of the body.
 */
export class ByteWindow {
  /** Offset in the whole body of the first byte that is held. */
  offset = 0
  private bytes = Buffer.allocUnsafe(256 * 1024)
  private start = 0
  private end = 0
  private readonly onDrop: ((chunk: Uint8Array) => void) | undefined

  /** `onDrop` sees every byte once, in order, as it leaves; the chunk is only valid during the call. */
  constructor(onDrop?: (chunk: Uint8Array) => void) {
    this.onDrop = onDrop
  }

  get length(): number {
    return this.end - this.start
  }

  append(chunk: Uint8Array): void {
    if (this.end + chunk.length > this.bytes.length) this.makeRoom(chunk.length)
    this.bytes.set(chunk, this.end)
    this.end += chunk.length
  }

  /** The held bytes from..to, counted from the first one held. Valid until the next append. */
  view(from = 0, to = this.length): Buffer {
    return this.bytes.subarray(this.start + from, this.start + to)
  }

  drop(count: number): void {
    if (count > 0) this.onDrop?.(this.view(0, count))
    this.start += count
    this.offset += count
  }

  /** Moves what is held to the front; grows by doubling, so that every byte is moved a few times at most. */
  private makeRoom(added: number): void {
    const needed = this.length + added
    const isRoomy = needed <= this.bytes.length / 2
    const target = isRoomy
      ? this.bytes
      : Buffer.allocUnsafe(Math.max(needed * 2, this.bytes.length))
    this.bytes.copy(target, 0, this.start, this.end)
    this.end = this.length
    this.start = 0
    this.bytes = target
  }
}
