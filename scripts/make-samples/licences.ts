/** Electronic licences (GB/T 36903) of the companies and the residents of the other samples. */
import type { Company } from './companies.ts'
import { withCases, type CaseDraft, type Cells, type Sample } from './hard-case.ts'
import { creditCode, licenceId, spoilt } from './invented-numbers.ts'
import { rowCount, type Person } from './residents.ts'
import { dayOf, padded, seeded, written, type Seeded } from './seeded.ts'

const issuer = { name: '宁乡市示例审批局', code: creditCode('11', '430182', 101) }
const formerIssuer = { name: '宁乡县示例管理局', code: creditCode('11', '430124', 102) }
/** The body that defines the types of licences. */
const definer = creditCode('11', '430000', 103)

const types = [
  { name: '示例经营许可证', code: `${definer}001` },
  { name: '示例从业资格证', code: `${definer}002` },
  { name: '示例备案凭证', code: `${definer}003` },
] as const

interface Holder {
  name: string
  code: string
  codeTypeName: string
  codeType: string
}

const personHolder = ({ name, idNumber }: Person): Holder => ({
  name,
  code: idNumber,
  codeTypeName: '公民身份号码',
  codeType: '111',
})
const companyHolder = ({ name, uscc }: Company): Holder => ({
  name,
  code: uscc,
  codeTypeName: '统一社会信用代码',
  codeType: '001',
})

/** Several holders stand in parallel lists, each in its column. */
const holderCells = (holders: readonly Holder[], separator = ','): Cells => ({
  CZZT: holders.map(({ name }) => name).join(separator),
  CZZTDM: holders.map(({ code }) => code).join(separator),
  CZZTDMLX: holders.map(({ codeTypeName }) => codeTypeName).join(separator),
  CZZTDMLXDM: holders.map(({ codeType }) => codeType).join(separator),
})

const serialOf = (serial: number): string => `SL${padded(serial, 10)}`

/** The version's identifier, and when the version was exchanged: later ones later. */
const versionCells = (
  serial: number,
  version: number,
  from: { type: string; issuer: string } = { type: types[0].code, issuer: issuer.code },
): Cells => ({
  ZZBS: licenceId({ ...from, serial: serialOf(serial), version }),
  ZZLXDM: from.type,
  cd_time: `202512${padded(version, 2)}120000`,
})

function licenceCells(random: Seeded, serial: number, holder: Holder): Cells {
  const type = random.pick(types)
  const year = random.between(2021, 2025)
  const issued = dayOf(random, year)
  return {
    ...versionCells(serial, 1, { type: type.code, issuer: issuer.code }),
    ZZMC: type.name,
    ZZLXMC: type.name,
    ZZBH: `示例证字第${padded(serial, 6)}号`.padEnd(50, ' '),
    ZZBFJG: issuer.name,
    ZZBFJGDM: issuer.code,
    ZZBFRQ: written(issued, '-'),
    ...holderCells([holder]),
    ZZYXQQSRQ: issued,
    ZZYXQJZRQ: random.pick([`${year + 6}-01-01`, '9999-09-09', '99990909', '长期']),
    certificate_area_code: '430182',
    ZZQZR: '\\N',
    ZZQZSJ: written(issued, '-'),
    ZZQZMC: `${issuer.name}证照专用章`,
    ZZZT: '1',
    ZZBGSJ: '1899-12-31',
    ZZBGYY: '',
    CJSJ: written(issued, '-'),
    JZJ: [],
    cd_batch: '20251201001',
    cd_operation: 'I',
  }
}

interface Holders {
  company: Company
  people: readonly [Person, Person]
}

function soundCases(
  { company, people: [first, second] }: Holders,
  ordinary: readonly Cells[],
): CaseDraft[] {
  const before = { type: types[0].code, issuer: formerIssuer.code }
  return [
    { about: '版本乱序:第 3 版先到', cells: { ...versionCells(9001, 3), cd_operation: 'U' } },
    { about: '版本乱序:第 1 版后到', cells: { ...versionCells(9001, 1) } },
    { about: '版本乱序:第 2 版最后到', cells: { ...versionCells(9001, 2), cd_operation: 'u' } },
    {
      about: '已过有效期',
      cells: { ZZBFRQ: '2015-01-01', ZZYXQQSRQ: '20150101', ZZYXQJZRQ: '2020-01-01' },
    },
    { about: '长期有效(2099-12-31)', cells: { ZZYXQJZRQ: '2099/12/31' } },
    { about: '已注销', cells: { ZZZT: '2', ZZBGSJ: '2025-06-06', ZZBGYY: '持证人申请注销' } },
    {
      about: '机构改革前颁发',
      cells: {
        ...versionCells(9002, 1, before),
        ZZBFJG: formerIssuer.name,
        ZZBFJGDM: formerIssuer.code,
      },
    },
    {
      about: '机构改革后换版,标识不变',
      cells: { ...versionCells(9002, 2, before), cd_operation: 'U' },
    },
    {
      about: '两位持证主体(逗号)',
      cells: holderCells([personHolder(first), companyHolder(company)]),
    },
    {
      about: '两位持证主体(顿号)',
      cells: holderCells([personHolder(first), personHolder(second)], '、'),
    },
    {
      about: '持护照者',
      cells: holderCells([
        { name: 'SAMPLE JANE', code: 'X00000017', codeTypeName: '普通护照', codeType: '414' },
      ]),
    },
    {
      about: '带两份加注件',
      cells: {
        JZJ: [
          {
            ZZBS: '',
            JZJZZSJ: '2025-02-03',
            JZJZZZ: '示例窗口',
            JZJZZSY: '办理开户',
            JZJYXQJZSJ: '20250303',
          },
          {
            ZZBS: '',
            JZJZZSJ: '20250404',
            JZJZZZ: '示例窗口',
            JZJZZSY: '办理年检',
            JZJYXQJZSJ: '',
          },
        ],
      },
    },
    { about: '删除一条', cells: { ...versionCells(1, 1), cd_operation: 'D' } },
    { about: '与第 1 行完全相同', cells: { ...ordinary[0] } },
  ]
}

function faultyCases({ company, people: [first] }: Holders): CaseDraft[] {
  return [
    {
      about: '证照标识校验位不符',
      cells: { ZZBS: spoilt(String(versionCells(9101, 1)['ZZBS'])) },
      says: ['identifier-check-digit licenceId'],
      refused: 'strict',
    },
    {
      about: '没有证照标识,无从组成证照族',
      cells: { ZZBS: '' },
      says: ['key-missing'],
      refused: 'always',
    },
    {
      about: '同步类型无法识别',
      cells: { cd_operation: 'X' },
      says: ['operation-unknown'],
      refused: 'always',
    },
    {
      about: '持证主体与代码个数不一',
      cells: { CZZT: `${first.name},${company.name}`, CZZTDM: company.uscc },
      says: ['children-length holders'],
      refused: 'strict',
    },
    { about: '没有持证主体代码', cells: { CZZTDM: '/' }, says: ['field-missing holders.code'] },
    {
      about: '持证主体的统一代码校验码不符',
      cells: holderCells([companyHolder({ ...company, uscc: spoilt(company.uscc) })]),
      says: ['identifier-check-digit holders.code'],
      refused: 'strict',
    },
    { about: '没有颁发机构', cells: { ZZBFJG: '' }, says: ['required issuer'], refused: 'always' },
    {
      about: '已注销的证照没有颁发机构,仍须落库',
      cells: { ZZBFJG: '', ZZZT: '注销' },
      says: ['required issuer'],
    },
    { about: '没有颁发日期', cells: { ZZBFRQ: '1899-12-31' }, says: ['field-missing issueDate'] },
    {
      about: '有效期倒置',
      cells: { ZZYXQQSRQ: '20250601', ZZYXQJZRQ: '20240601' },
      says: ['cross-period validFrom'],
      refused: 'strict',
    },
    {
      about: '状态无法识别',
      cells: { ZZZT: '5' },
      says: ['code-unknown status'],
      refused: 'strict',
    },
  ]
}

/** The sample; every second licence is a natural person's. */
export function makeLicences(people: readonly Person[], companies: readonly Company[]): Sample {
  const random = seeded(36_903)
  const ordinary = Array.from({ length: rowCount }, (_, index) => {
    const holder =
      index % 2 === 0 ? companyHolder(random.pick(companies)) : personHolder(random.pick(people))
    return licenceCells(random, index + 1, holder)
  })
  const [first, second] = people
  const [company] = companies
  if (!first || !second || !company) throw new Error('Licences need two people and a company')
  const holders: Holders = { company, people: [first, second] }
  return withCases(ordinary, [...soundCases(holders, ordinary), ...faultyCases(holders)], 1)
}
