/** Files of published registrations: few columns, and money written in every way but one. */
import { withCases, type CaseDraft, type Cells, type HardCase, type Sample } from './hard-case.ts'
import { creditCode, spoilt } from './invented-numbers.ts'
import { rowCount, type Person } from './residents.ts'
import { dayOf, padded, seeded, written } from './seeded.ts'

const moneyForms = [
  '100(万元人民币)',
  '50(万)',
  '1,200(万元人民币)',
  '30(万美元)',
  '80万人民币',
  '20(万港币)',
  '60万元人民币',
  'N/A',
] as const
const kinds = ['N/A', 'N/A', '有限责任公司', '集体所有制', '个人独资企业'] as const

/** Neither the status nor the authority is in such a file: every one of its records says so. */
export const registryLacks: HardCase['says'] = [
  'field-missing status',
  'field-missing regAuthority',
]

const cases: readonly CaseDraft[] = [
  {
    about: '没有法人代表',
    cells: { 法人代表: 'N/A' },
    says: [...registryLacks, 'field-missing legalRep'],
  },
  {
    about: '已撤销区划的前缀',
    cells: { 统一社会信用代码: creditCode('91', '430122', 8001) },
    says: registryLacks,
  },
  {
    about: '全角括号',
    cells: { 企业类型: '集体分支机构（非法人）', 注册资金: '１５（万元人民币）' },
    says: registryLacks,
  },
  {
    about: '校验码不符',
    cells: { 统一社会信用代码: spoilt(creditCode('91', '430182', 8002)) },
    says: ['identifier-check-digit uscc', ...registryLacks],
    refused: 'strict',
  },
  {
    about: '金额无法识别',
    cells: { 注册资金: '面议' },
    says: ['amount-invalid capital', 'code-unknown currency', ...registryLacks],
    refused: 'strict',
  },
  {
    about: '日期不存在',
    cells: { 注册日期: '1997-02-30' },
    says: ['date-invalid regDate', ...registryLacks],
    refused: 'strict',
  },
]

/** The sample; its companies are others than those of the legal-person table. */
export function makeRegistry(people: readonly Person[]): Sample {
  const random = seeded(1_997)
  const ordinary = Array.from({ length: rowCount }, (_, index): Cells => ({
    企业名称: `宁乡示例老字号${padded(index + 1, 3)}商行`,
    统一社会信用代码: creditCode('91', '430124', 7000 + index),
    注册日期: written(dayOf(random, random.between(1996, 1999)), '-'),
    企业类型: random.pick(kinds),
    法人代表: random.pick(people).name,
    注册资金: random.pick(moneyForms),
    经营范围: '日用百货、文具用品的零售。',
    所在省份: '湖南',
    地区: '长沙',
    注册地址: `宁乡市示例街道示例街${random.between(1, 200)}号`,
  }))
  return withCases(ordinary, cases, 2)
}
