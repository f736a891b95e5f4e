/** The awkward rights, and what is to be said about each. */
import type { Company } from './companies.ts'
import type { CaseDraft, Cells } from './hard-case.ts'
import type { Person } from './residents.ts'
import { alone, certificateOf, companyHolder, personHolder, unitOf } from './right-holders.ts'

/** Printed in the groups of 6, 6, 7 and 9 characters in which certificates show it. */
const grouped = (unit: string): string =>
  [unit.slice(0, 6), unit.slice(6, 12), unit.slice(12, 19), unit.slice(19)].join(' ')

export interface Owners {
  people: readonly [Person, Person, Person, ...Person[]]
  company: Company
}

const mortgage = (rightId: string, mortgagor: string): Cells => ({
  QLID: rightId,
  DYFS: '1',
  DYR: mortgagor,
  DYQR: '示例银行宁乡支行',
  BDBZZQSE: '60.000000',
  ZWLXQSSJ: '20240101',
  ZWLXJSSJ: '2044-01-01',
  ZGZQSE: '',
})

const seizure = (rightId: string, party: string): Cells => ({
  QLID: rightId,
  CFLX: '1',
  CFWH: '(2025)湘示0182执1号',
  CFSQRQ: '2025/03/04',
  CFSQDW: '示例人民法院',
  CFZT: '查封中',
  BCFDW: party,
  CFJG: '示例人民法院',
})

const jointly = (
  rightId: string,
  people: readonly Person[],
  parts: readonly string[],
  serials: readonly number[],
): Cells[] =>
  people.map((person, index) => {
    const certificate = certificateOf(serials[index] ?? 0)
    return personHolder(rightId, person, {
      order: index + 1,
      certificate,
      share: parts[index] ?? '',
      kind: '2',
    })
  })

function soundCases({ people, company }: Owners, ordinary: readonly Cells[]): CaseDraft[] {
  const [first, second, third] = people
  return [
    {
      about: '两人按份共有,各持一证',
      cells: {
        QLID: 'R1',
        BDCQZH: `${certificateOf(501)},${certificateOf(502)}`,
        QLR: jointly('R1', [first, second], ['50%', '1/2'], [501, 502]),
      },
    },
    {
      about: '三人按份共有,一人为公司',
      cells: {
        QLID: 'R2',
        QLR: [
          ...jointly('R2', [first, third], ['1/3', '1/3'], [503, 504]),
          companyHolder('R2', company, {
            order: 3,
            certificate: certificateOf(505),
            share: '33.333333%',
            kind: '2',
          }),
        ],
      },
    },
    {
      about: '一证两单元(之一)',
      cells: {
        QLID: 'R3',
        BDCDYH: unitOf(601),
        BDCQZH: certificateOf(600),
        QLR: [personHolder('R3', first, alone(certificateOf(600)))],
      },
    },
    {
      about: '一证两单元(之二)',
      cells: {
        QLID: 'R4',
        BDCDYH: unitOf(602),
        BDCQZH: certificateOf(600),
        QLR: [personHolder('R4', first, alone(certificateOf(600)))],
      },
    },
    {
      about: '转移前的权利,已成历史',
      cells: {
        QLID: 'R5',
        BDCDYH: unitOf(603),
        QSZT: '2',
        ZXSJ: '2024-05-06',
        QLR: [personHolder('R5', first, alone(certificateOf(603)))],
      },
    },
    {
      about: '转移后的权利',
      cells: {
        QLID: 'R6',
        BDCDYH: unitOf(603),
        DJLX: '200',
        DJYY: '买卖',
        QLR: [personHolder('R6', second, alone(certificateOf(604)))],
      },
    },
    {
      about: '设有抵押',
      cells: {
        QLID: 'R7',
        QLR: [personHolder('R7', third, alone(certificateOf(605)))],
        DYAQ: [mortgage('R7', third.name)],
      },
    },
    {
      about: '被查封',
      cells: {
        QLID: 'R8',
        QLR: [personHolder('R8', third, alone(certificateOf(606)))],
        CFDJ: [seizure('R8', third.name)],
      },
    },
    { about: '单元号按 6 6 7 9 分组、小写', cells: { BDCDYH: grouped(unitOf(607)).toLowerCase() } },
    { about: '证号用全角括号', cells: { BDCQZH: '湘（2024）宁乡市不动产权第9000608号' } },
    { about: '不动产统一登记前的房产证号', cells: { BDCQZH: '宁房权证示例字第0000001号' } },
    { about: '宅基地及房屋', cells: { QLLX: '6', BDCDYH: '430182991001JC00001F00010001' } },
    { about: '没有权利ID:以业务号、单元号、权利类型为主键', cells: { QLID: '' } },
    {
      about: '公司持有',
      cells: { QLID: 'R9', QLR: [companyHolder('R9', company, alone(certificateOf(609)))] },
    },
    { about: '与第 1 行完全相同', cells: { ...ordinary[0] } },
    {
      about: '第 2 行的旧版本',
      cells: { ...ordinary[1], DJYY: '补录', GXSJ: '2019-01-01 00:00:00' },
    },
  ]
}

function faultyCases({ people }: Owners): CaseDraft[] {
  const [first, second] = people
  const masked = { ...first, idNumber: '430124********1234' }
  const mistyped = {
    ...second,
    idNumber: `${second.idNumber.slice(0, 17)}${second.idNumber.endsWith('1') ? '2' : '1'}`,
  }
  return [
    {
      about: '旧证尚未落宗,没有单元号',
      cells: { BDCDYH: '', BDCQZH: '宁国用(2003)第0001号' },
      says: ['unit-not-placed unitNo'],
    },
    { about: '没有坐落', cells: { FDZL: '\\N' }, says: ['required location'], refused: 'always' },
    {
      about: '没有权利ID,也没有业务号',
      cells: { QLID: '', YWH: '' },
      says: ['key-missing'],
      refused: 'always',
    },
    { about: '没有权利人', cells: { QLR: [] }, says: ['field-missing holders'] },
    {
      about: '权利人号码已被遮盖',
      cells: { QLR: [personHolder('RA', masked, alone(certificateOf(700)))] },
      says: ['identifier-masked holders.idNumber'],
      refused: 'strict',
    },
    {
      about: '被查封,权利人号码校验码不符,仍须落库',
      cells: {
        QLID: 'RB',
        QLR: [personHolder('RB', mistyped, alone(certificateOf(701)))],
        CFDJ: [seizure('RB', second.name)],
      },
      says: ['identifier-check-digit holders.idNumber'],
    },
    {
      about: '单元为净地,权利却含房屋',
      cells: { BDCDYH: '430182991001GB00701W00000000' },
      says: ['cross-unit-right unitNo'],
      refused: 'strict',
    },
    {
      about: '单元号位数不对',
      cells: { BDCDYH: '430182991001GB0070' },
      says: ['identifier-form unitNo'],
      refused: 'strict',
    },
    {
      about: '土地使用期限倒置',
      cells: { TDSYQSSJ: '20500101', TDSYJSSJ: '20200101' },
      says: ['cross-period landUseFrom'],
      refused: 'strict',
    },
    {
      about: '登记时间在将来',
      cells: { DJSJ: '2088-01-01' },
      says: ['date-future regDate'],
      refused: 'strict',
    },
    {
      about: '面积无法识别',
      cells: { JZMJ: '约九十' },
      says: ['type buildingArea'],
      refused: 'strict',
    },
    {
      about: '权利人子表不是列表',
      cells: { QLR: '张三,李四' },
      says: ['type holders'],
      refused: 'strict',
    },
  ]
}

export const rightCases = (owners: Owners, ordinary: readonly Cells[]): CaseDraft[] => [
  ...soundCases(owners, ordinary),
  ...faultyCases(owners),
]
