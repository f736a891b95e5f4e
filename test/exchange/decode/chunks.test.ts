import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { parse } from 'csv-parse/sync'
import { describe, expect, test } from 'vitest'
import { decodeRows, type DecodeOptions } from '../../../src/exchange/decode/decode-rows.ts'
import { scanBytesMin } from '../../../src/exchange/decode/limits.ts'
import { csv, decode, inChunks, inGb18030, json, ndjson } from './support.ts'

const limits = { blockRowsMax: 3, blockBytesMax: 120, rowBytesMax: 200 }

const splitAt = (bytes: Buffer, at: number) => [bytes.subarray(0, at), bytes.subarray(at)]

async function* from(chunks: readonly Buffer[]) {
  yield* chunks
}

const bodies: Record<string, { options: DecodeOptions; bytes: Buffer }> = {
  'NDJSON with CRLF, blank lines, a BOM and an oversized line': {
    options: { ...ndjson, limits },
    bytes: Buffer.from(
      `\uFEFF{"姓名":"王玕"}\r\n\r\n   \n{"a":1}\nnot json\n{"b":"${'长'.repeat(90)}"}\n` +
        `${' '.repeat(230)}\n{"c":[1,{"d":2}]}\r\n{"e":"\\n\\""}`,
    ),
  },
  'NDJSON with a broken line': {
    options: { ...ndjson, limits },
    bytes: Buffer.concat([
      Buffer.from('{"a":1}\n{"b":"'),
      Buffer.from([0xd0, 0xd5]),
      Buffer.from('"}\n{"c":1}\n'),
    ]),
  },
  'UTF-8 CSV with CRLF, quoted line breaks, lost quotes and an oversized record': {
    options: { ...csv, limits },
    bytes: Buffer.from(
      `\uFEFF姓名,"地\r\n址",c\r\n王,"一\r\n二",x\r\n"a""b","c,d",""\r\n\r\n1,2\r\n1,2,3,4\r\n` +
        `x,"lost,y\r\nz,5" pipe,w\r\nq,"${'q\r\n'.repeat(120)}",r\r\n${'长'.repeat(90)},1,2\r\n` +
        `"s"t,u,v\r\nlast,"""","=1+1"`,
    ),
  },
  'GB18030 CSV with trail bytes that look like ASCII': {
    options: { ...csv, limits },
    bytes: inGb18030('姓名,名\r\n王玕,畖\r\n\u3400,"玕,\r\n畖"\r\n"畖","玕""玕"\r\n'),
  },
  'a pretty-printed JSON array with odd elements': {
    options: { ...json, limits },
    bytes: Buffer.from(
      ` [ {"a": "],[\\"\\\\"} ,\n\n  [1], 5, {"王": {"b": [1, 2]}},{"c":1]}, {"d":"${'长'.repeat(90)}"}\n` +
        `, "x,]", {"e":2}${' '.repeat(300)},{"f":3} ] \n`,
    ),
  },
}

describe('wherever the bytes are cut', () => {
  for (const [name, { options, bytes }] of Object.entries(bodies)) {
    test(`${name} gives the same rows and block ends`, async () => {
      const whole = await decode(bytes, options)
      expect(whole.rows.length).toBeGreaterThan(1)
      const sizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 })
      await fc.assert(
        fc.asyncProperty(sizes, async (chunkSizes) => {
          expect(await decode(inChunks(bytes, chunkSizes), options)).toEqual(whole)
        }),
        { numRuns: 60 },
      )
    })
  }

  for (const [name, { options, bytes }] of Object.entries(bodies)) {
    test(`${name} gives the same rows when the decoder looks at a row before its end is there`, async () => {
      // Filler brings the decoder to look exactly `at` bytes into the interesting part.
      const isArray = options.mediaType === 'application/json'
      const filler = Buffer.alloc(scanBytesMin, isArray ? ' ' : '\n')
      const whole = await decode(Buffer.concat([filler, bytes]), options)
      for (let at = 0; at <= bytes.length; at++) {
        const chunks = [filler.subarray(at), ...splitAt(bytes, at)]
        const moved = await decode(from([filler.subarray(0, at), ...chunks]), options)
        expect(moved).toEqual(whole)
      }
    })
  }

  test('a digest kept by onBytes is, at each block, the digest of the body up to its endByte', async () => {
    for (const { options, bytes } of Object.values(bodies)) {
      const hash = createHash('sha256')
      const onBytes = (chunk: Uint8Array) => void hash.update(chunk)
      const stream = decodeRows(inChunks(bytes, [5, 3, 17]), { ...options, onBytes })
      for await (const { endByte } of stream) {
        const prefix = createHash('sha256').update(bytes.subarray(0, endByte)).digest('hex')
        expect(hash.copy().digest('hex')).toBe(prefix)
      }
      expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'))
    }
  })
})

describe('any well-formed CSV', () => {
  const cell = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.stringMatching(/^[",\n\r 王a=]{0,8}$/),
    fc.constantFrom('', '"', '""', '\r\n', ',', '=cmd|x', '\n', '王,"玕"\r\n'),
  )
  const table = fc
    .integer({ min: 1, max: 5 })
    .chain((width) =>
      fc.tuple(
        fc.constantFrom('\n', '\r\n'),
        fc.array(fc.array(cell, { minLength: width, maxLength: width }), { maxLength: 12 }),
        fc.constant(width),
        fc.integer({ min: 1, max: 40 }),
      ),
    )
  const written = (text: string, width: number) =>
    /[",\r\n]/.test(text) || (width === 1 && text === '') || text.startsWith('\uFEFF')
      ? `"${text.replaceAll('"', '""')}"`
      : text

  test('comes out as it was written, as csv-parse reads it', async () => {
    await fc.assert(
      fc.asyncProperty(table, async ([newline, records, width, size]) => {
        const header = Array.from({ length: width }, (_, at) => `列${at}`)
        const lines = [header, ...records].map((cells) =>
          cells.map((text) => written(text, width)).join(','),
        )
        const bytes = Buffer.from(lines.join(newline) + newline)
        const { rows } = await decode(inChunks(bytes, [size]), csv)
        const expected: unknown = parse(bytes, { columns: true, record_delimiter: newline })
        expect(rows.map((row) => row.row)).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })
})
