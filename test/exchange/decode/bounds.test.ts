import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { decodeRows } from '../../../src/exchange/decode/decode-rows.ts'
import { csv, decode, inChunks, json, ndjson } from './support.ts'

const lines = Array.from({ length: 5000 }, (_, at) => `{"a":${at}}`).join('\n')
const packers = {
  gzip: (body: string | Buffer) => gzipSync(body),
  zstd: (body: string | Buffer) =>
    zstdCompressSync(body, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
}

describe.each(['gzip', 'zstd'] as const)('a body packed by %s', (contentEncoding) => {
  const packed = packers[contentEncoding](lines)
  const options = { ...ndjson, contentEncoding }

  test('gives the rows and block ends of the plain one', async () => {
    const plain = await decode(lines, ndjson)
    expect(await decode(inChunks(packed, [100]), options)).toEqual(plain)
    expect(plain.rows).toHaveLength(5000)
  })

  test('in several frames is read whole or refused, never cut short in silence', async () => {
    const twice = Buffer.concat([packed, packers[contentEncoding]('\n{"b":1}')])
    const { rows, refusal } = await decode(twice, options)
    if (contentEncoding === 'gzip') expect(rows).toHaveLength(5001)
    else expect(refusal?.code).toBe('request-invalid')
  })

  test.each([
    ['cut off', packed.subarray(0, -20)],
    ['empty', packed.subarray(0, 0)],
    ['not packed at all', Buffer.from(lines)],
    ['followed by garbage', Buffer.concat([packed, Buffer.from('garbage behind the frame')])],
    ['damaged', Buffer.from(packed).fill(0xff, 200, 300)],
  ])('that is %s is refused', async (_, body) => {
    expect((await decode(body, options)).refusal?.code).toBe('request-invalid')
  })

  test('that unpacks to more than allowed is refused before it is unpacked', async () => {
    const bomb = packers[contentEncoding](Buffer.alloc(200 * 1024 * 1024, 0x20))
    expect(bomb.length).toBeLessThan(300_000)
    let seen = 0
    const { refusal } = await decode(bomb, {
      ...options,
      limits: { decodedBytesMax: 4 * 1024 * 1024 },
      onBytes: (chunk) => void (seen += chunk.length),
    })
    expect(refusal?.code).toBe('payload-too-large')
    expect(seen).toBeLessThanOrEqual(4 * 1024 * 1024)
  })

  test('lets go of its source when the reader leaves early', async () => {
    let isReleased = false
    async function* source() {
      try {
        for (;;) yield packed
      } finally {
        isReleased = true
      }
    }
    for await (const block of decodeRows(source(), options)) {
      expect(block.rows.length).toBeGreaterThan(0)
      break
    }
    await expect.poll(() => isReleased).toBe(true)
  })

  test('passes an error of its source on as it is', async () => {
    async function* source() {
      yield packed.subarray(0, 50)
      throw new Error('connection lost')
    }
    await expect(decode(source(), options)).rejects.toThrow('connection lost')
  })
})

describe('memory', () => {
  const hundredMegabytes = 100 * 1024 * 1024

  /** A row of 100 MB between two good ones, made chunk by chunk. */
  async function* hugeRow(before: string, filler: string, after: string) {
    const chunk = Buffer.from(filler.repeat(65_536 / filler.length))
    yield Buffer.from(before)
    for (let sent = 0; sent < hundredMegabytes; sent += chunk.length) yield chunk
    yield Buffer.from(after)
  }

  test.each([
    { name: 'an NDJSON line', options: ndjson, parts: ['{"a":1}\n{"b":"', 'x', '"}\n{"c":1}\n'] },
    { name: 'a CSV cell', options: csv, parts: ['a\n1\n', 'x', '\n2\n'] },
    { name: 'a JSON element', options: json, parts: ['[{"a":1},{"b":"', '],\\"', '"},{"c":1}]'] },
    { name: 'the blanks of a JSON body', options: json, parts: ['[{"a":1},5,', ' ', '{"c":1}]'] },
  ])('does not grow with 100 MB of $name', async ({ options, parts }) => {
    const [before = '', filler = '', after = ''] = parts
    globalThis.gc?.()
    const start = process.memoryUsage()
    let peak = 0
    const body = hugeRow(before, filler, after)
    const watched = (async function* () {
      for await (const chunk of body) {
        const { arrayBuffers, external, heapUsed } = process.memoryUsage()
        peak = Math.max(peak, arrayBuffers + heapUsed, external + heapUsed)
        yield chunk
      }
    })()
    const { rows } = await decode(watched, options)
    expect(rows.map(({ line, fault }) => [line, fault])).toHaveLength(3)
    expect([rows[0]?.fault, rows[2]?.fault]).toEqual([undefined, undefined])
    expect(rows[1]?.fault).toBe(before.includes('5,') ? 'not-json' : 'row-too-large')
    expect(peak - start.heapUsed - start.external).toBeLessThan(hundredMegabytes)
  })

  test('does not grow with a chunk that holds the whole body', async () => {
    const whole = Buffer.alloc(hundredMegabytes, '{"name":"Wang"}\n')
    let start = 0
    let peak = 0
    for await (const block of decodeRows(inChunks(whole, [whole.length]), ndjson)) {
      start ||= process.memoryUsage().arrayBuffers
      peak = Math.max(peak, process.memoryUsage().arrayBuffers)
      expect(block.rows.every(({ row }) => row)).toBe(true)
    }
    expect(peak - start).toBeLessThan(hundredMegabytes / 4)
  })

  test('does not grow while the reader is slow: nothing is read ahead', async () => {
    let chunkCount = 0
    const chunk = Buffer.from('{"a":1}\n'.repeat(8192))
    async function* source() {
      for (let at = 0; at < 100; at++) {
        chunkCount++
        yield chunk
      }
    }
    for await (const block of decodeRows(source(), ndjson)) {
      expect(chunkCount).toBeLessThanOrEqual(Math.ceil(block.endByte / chunk.length) + 1)
    }
    expect(chunkCount).toBe(100)
  })
})
