import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { normaliseDocumentNumber } from '../../src/shared/document-number.ts'

test.each([
  '甬市监许〔2024〕12号',
  '甬市监许(2024)12号',
  '甬市监许（2024）12号',
  '甬市监许[2024]12号',
  '甬市监许［２０２４］１２号',
  '甬市监许【2024】 12 号',
  ' 甬市监许﹝2024﹞12号　',
])('%s is the number 甬市监许〔2024〕12号', (text) => {
  expect(normaliseDocumentNumber(text)).toBe('甬市监许〔2024〕12号')
})

test('letters and dashes have one form too', () => {
  expect(normaliseDocumentNumber('xk—2024–ａ１')).toBe('XK-2024-A1')
})

test('numbers that differ stay apart', () => {
  expect(normaliseDocumentNumber('甬许〔2024〕12号')).not.toBe(
    normaliseDocumentNumber('甬许〔2024〕012号'),
  )
})

test('normalising twice gives the same as once', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const once = normaliseDocumentNumber(text)
      expect(normaliseDocumentNumber(once)).toBe(once)
    }),
  )
})
