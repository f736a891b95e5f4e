import * as fc from 'fast-check'
import { RE2JS } from 're2js'
import { describe, expect, test } from 'vitest'
import {
  compilePattern,
  isSafeNatively,
  type Pattern,
} from '../../../src/exchange/mapping/pattern.ts'

const compiled = (source: string): Pattern => {
  const pattern = compilePattern(source)
  if ('fault' in pattern) throw new Error(pattern.fault)
  return pattern
}

describe('patterns', () => {
  test('finish at once on the text that makes a backtracking engine run for years', () => {
    const text = `${'a'.repeat(50_000)}!`
    for (const source of ['^(a+)+$', '(a|a)*$', '(a*)*b', '^(([a-z])+.)+[A-Z]$']) {
      expect(isSafeNatively(source)).toBe(false)
      expect(compiled(source).capture(text)).not.toBe('never')
    }
  })

  test.each(['(', 'a{2,1}', '(a)\\1', '(?=a)', '[z-a]', 'a{1001}', '*'])('refuse %s', (source) => {
    expect(compilePattern(source)).toHaveProperty('fault')
  })

  test.each(['^\\d+', '^([^省]+)省', '\\d{6}', '^[A-Z]{2}(\\d{4})$', '（\\d{4}）', 'a?b?'])(
    'may use the quick engine for %s',
    (source) => {
      expect(isSafeNatively(source)).toBe(true)
    },
  )

  test.each([
    '\\d+',
    'a+b+',
    '^a+b+',
    '^(a)+',
    'a|b',
    '.',
    '\\s',
    '(?i)a',
    '^a+?',
    'a{0,99}b{0,99}c{0,99}',
    '[[:alpha:]]',
  ])('leave %s to RE2', (source) => {
    expect(isSafeNatively(source)).toBe(false)
  })

  test('mean the same on the quick path as in RE2', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '\\d',
      '[ab]',
      '[^a]',
      '(b)',
      'a?',
      'b{1,2}',
      '\\w',
      '[a-c1]',
      '\\.',
      '省',
    )
    const source = fc
      .tuple(
        fc.constantFrom('', '^'),
        fc.array(piece, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('', '$'),
      )
      .map(([start, pieces, end]) => start + pieces.join('') + end)
    const text = fc.string({
      unit: fc.constantFrom('a', 'b', 'c', '1', '.', '省', '😀'),
      maxLength: 8,
    })
    fc.assert(
      fc.property(source, text, (source, text) => {
        fc.pre(isSafeNatively(source))
        const matcher = RE2JS.compile(source).matcher(text)
        const { groupCount, capture, replaceAll } = compiled(source)
        const expected = matcher.find() ? (matcher.group(groupCount > 0 ? 1 : 0) ?? '') : null
        expect(capture(text)).toBe(expected)
        expect(replaceAll(text, '<$$>')).toBe(
          RE2JS.compile(source).matcher(text).replaceAll('<$$>', false),
        )
      }),
      { numRuns: 500 },
    )
  })
})
