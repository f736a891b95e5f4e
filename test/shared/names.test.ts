import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  codePointLength,
  comparableName,
  foldWidth,
  hasPrivateUse,
  hasUnstorable,
  looksLossy,
} from '../../src/shared/names.ts'

const anyText = fc.string({ unit: 'binary' })

describe('folding width', () => {
  test('keeps compatibility ideographs, which NFKC would change', () => {
    const name = '\u{FA0C}\u{F90A}\u{2F81A}'
    expect(name.normalize('NFKC')).not.toBe(name)
    expect(foldWidth(name)).toBe(name)
  })

  test('turns full-width ASCII and the ideographic space into half-width, nothing else', () => {
    expect(foldWidth('ＡＢｃ１２（甲）　～！')).toBe('ABc12(甲) ~!')
    expect(foldWidth('①㈱½ﾊﾟ￥、。')).toBe('①㈱½ﾊﾟ￥、。')
  })

  test('is idempotent', () => {
    fc.assert(fc.property(anyText, (text) => foldWidth(foldWidth(text)) === foldWidth(text)))
  })
})

describe('names are compared', () => {
  test.each([
    ['买买提•吐尔逊', '买买提·吐尔逊'],
    ['买买提・吐尔逊', '买买提‧吐尔逊'],
    ['买买提･吐尔逊', '买买提 · 吐尔逊'],
    ['买买提．吐尔逊', '买买提·吐尔逊'],
    ['张　三', '张三'],
    ['ＪＯＨＮ Smith', 'john SMITH'],
    ['Straße', 'STRASSE'],
    ['STRAẞE', 'strasse'],
    ['\u{FA0C}', '\u{5140}'],
    ['葛\u{E0100}城', '葛城'],
    ['欧\u{200B}阳', '欧阳'],
  ])('%s as %s', (one, other) => {
    expect(comparableName(one)).toBe(comparableName(other))
  })

  test('and stay apart where characters differ', () => {
    expect(comparableName('张三')).not.toBe(comparableName('张叁'))
    expect(comparableName('𠮷田')).not.toBe(comparableName('吉田'))
  })

  test('the same when compared twice', () => {
    // U+00A8 is a space and a combining mark to NFKC: without the space the mark joins the letter.
    expect(comparableName('a\u{A8}')).toBe(comparableName('ä'))
    fc.assert(
      fc.property(anyText, (text) => {
        const once = comparableName(text)
        expect(comparableName(once)).toBe(once)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('damage in a name', () => {
  test('is private use in the basic plane and in planes 15 and 16', () => {
    for (const point of [
      '\u{E000}',
      '\u{F8FF}',
      '\u{F0000}',
      '\u{FFFFD}',
      '\u{100000}',
      '\u{10FFFD}',
    ]) {
      expect(hasPrivateUse(`张${point}`)).toBe(true)
    }
  })

  test('is not a rare character of planes 2, 3 and 14, nor a compatibility ideograph', () => {
    for (const point of ['\u{20BB7}', '\u{3134A}', '\u{EFFFF}', '\u{F900}', '\u{D7FF}', '䶮']) {
      expect(hasPrivateUse(`张${point}`)).toBe(false)
    }
  })

  test('is a question mark of any width, or the replacement character', () => {
    for (const name of ['张?', '张？三', '\u{FFFD}三']) expect(looksLossy(name)).toBe(true)
    expect(looksLossy('张三')).toBe(false)
  })

  test('is NUL and half a surrogate pair: neither can be stored', () => {
    for (const text of ['张\u{0}', '\u{D842}', '\u{DFB7}\u{D842}'])
      expect(hasUnstorable(text)).toBe(true)
    expect(hasUnstorable('𠮷\n')).toBe(false)
  })
})

test('length counts code points, as iterating the text does', () => {
  expect(codePointLength('𠮷田')).toBe(2)
  expect(codePointLength('\u{D842}a\u{DFB7}')).toBe(3)
  fc.assert(fc.property(anyText, (text) => codePointLength(text) === Array.from(text).length))
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffff })), (units) => {
      const text = String.fromCharCode(...units)
      return codePointLength(text) === Array.from(text).length
    }),
  )
})
