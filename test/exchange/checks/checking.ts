import { codeTables } from '../../../schemas/library.ts'
import type { Field, Standard } from '../../../schemas/field.ts'
import { compileChecks, type CheckTarget, type Judged } from '../../../src/exchange/checks/index.ts'
import type { Strictness } from '../../../src/exchange/checks/judge.ts'
import type { MappedRow } from '../../../src/exchange/types.ts'
import { standards } from '../../../src/shared/standards.ts'

export const today = '2026-06-01'

/** A field of a resource of its own, with what every field must have. */
export const field = (name: string, more: Partial<Field> = {}): Field => ({
  name,
  title: name,
  type: 'text',
  sensitivity: 'public',
  ...more,
})

export const upsert = (values: Record<string, unknown>, more: Partial<MappedRow> = {}) => ({
  values: { ...values },
  operation: 'upsert' as const,
  faults: [],
  ...more,
})

/** Checks for a resource without a standard whose merge key is `id`. */
export const checkFields = (fields: readonly Field[], strictness: Strictness = 'strict') =>
  compileChecks({
    fields: [field('id', { length: 300 }), ...fields],
    standard: null,
    keys: [['id']],
    strictness,
    codeTables: codeTables(),
  })

export const standardNamed = (id: string): Standard => {
  const standard = standards().get(id)
  if (!standard) throw new Error(`no standard ${id}`)
  return standard
}

export const checkStandard = (
  id: string,
  strictness: Strictness = 'strict',
  more: Partial<CheckTarget> = {},
) => {
  const standard = standardNamed(id)
  const { fields, keys } = standard
  return compileChecks({
    fields,
    standard,
    keys,
    strictness,
    codeTables: codeTables(),
    ...more,
  })
}

/** `code field` of everything said about a row, whether it landed or not. */
export const said = (judged: Judged): string[] => {
  const entries = judged.verdict === 'land' ? judged.quality : judged.reasons
  return entries.map(({ code, field: name }) => (name === null ? code : `${code} ${name}`))
}

/** A person without a fault; the number is the example of GB 11643. */
export const person = {
  sourcePersonId: 'P1',
  idNumber: '11010519491231002X',
  name: '王小明',
  sex: '2',
  birthDate: '1949-12-31',
  ethnicity: '01',
  hukouDivision: '330102',
  hukouAddress: '示例省示例市示例路1号',
}

/** A company without a fault; the number is the example of GB 32100. */
export const company = {
  entityId: 'E1',
  uscc: '91350100M000100Y43',
  name: '示例有限公司',
  status: '1',
  regAuthority: '示例市市场监督管理局',
  regDate: '2015-10-01',
  legalRep: '李示例',
}

export const house = {
  rightId: 'R1',
  rightKind: '4',
  location: '示例路1号1幢102室',
  unitNo: '330102001002GB00013F00010012',
  holders: [{ name: '王小明', idType: '1', idNumber: '11010519491231002X' }],
  certNo: '浙(2024)杭州市不动产权第0012345号',
  status: '1',
}

export const permit = {
  family: 'F1',
  kind: 'permit',
  documentName: '示例许可决定书',
  issuer: '示例局',
  status: '1',
  decisionDate: '2026-01-05',
  validFrom: '2026-01-05',
  validTo: '2027-01-04',
  holders: [
    {
      name: '示例有限公司',
      kind: '法人及非法人组织',
      uscc: '91350100M000100Y43',
      legalRep: '李示例',
    },
  ],
}

/** Judges the person above with some values changed. */
export const judgePerson = (
  more: Record<string, unknown>,
  strictness: 'strict' | 'lenient' = 'strict',
  row: Partial<MappedRow> = {},
) => checkStandard('population', strictness)(upsert({ ...person, ...more }, row), today)

/** A citizen number whose check digit is wrong. */
export const wrongDigit = '110105194912310021'

export const masked = '110105********002X'
