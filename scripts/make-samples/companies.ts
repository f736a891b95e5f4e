/** The companies of the samples: invented names with 示例 in them, codes of a series never given out. */
import { withCases, type CaseDraft, type Cells, type Sample } from './hard-case.ts'
import {
  creditCode,
  oddCreditCode,
  organisationCode,
  registrationNumber,
  spoilt,
} from './invented-numbers.ts'
import { rowCount, type Person } from './residents.ts'
import { dayOf, padded, seeded, written, type Seeded } from './seeded.ts'

const words = '云杉 青禾 石桥 南风 白鹭 金桂 长河 晨星 竹溪 麦田 远山 松涛'.split(' ')
const trades = [
  { word: '食品', class: 'C', code: '1499' },
  { word: '建材', class: 'F', code: '5165' },
  { word: '物流', class: 'G', code: '5430' },
  { word: '科技', class: 'I', code: '6510' },
  { word: '餐饮', class: 'H', code: '6210' },
] as const

/** What the other samples need of a company. */
export interface Company {
  name: string
  uscc: string
  legalRep: string
  legalRepIdNo: string
}

/** The ways in which one and the same capital is written. */
const capitals = [
  { ZCZB: '100.000000', BM_BZ: '156' },
  { ZCZB: '50', BM_BZ: 'CNY' },
  { ZCZB: '1,000,000元', BM_BZ: '人民币' },
  { ZCZB: '200万元人民币', BM_BZ: '156' },
] as const

const termEnds = ['2099-12-31', '99990909', '9999-09-09', '长期', '20451231', '1899-12-31'] as const

const nothing: Cells = {
  CYMC: '',
  FRMC_EN: '\\N',
  ZGJG: '/',
  DJZCH: '',
  QY_JY: '',
  JFLY: '',
  JGSYXZ: '',
  SHZZLX: '',
  GT_ZCXS: '',
  ZXRQ: '1899-12-31',
  ZXYY: '',
  DXRQ: '18991231',
  BZ: '',
}

const registeredCells = (random: Seeded, day: string): Cells => ({
  DJJG: '宁乡市市场监督管理局',
  DJRQ: written(day, '-'),
  HZRQ: day,
  JYQSRQ: written(day, '-'),
  JYJZRQ: random.pick(termEnds),
  CXZT: '1',
  JGGSS: '宁乡市示例市场监督管理所',
  JGSWS: '国家税务总局宁乡市税务局',
  GXSJ: `2025-12-${padded(random.between(1, 28), 2)} 0${random.between(1, 9)}:15:00`,
})

function companyCells(random: Seeded, person: Person, serial: number): Cells {
  const trade = random.pick(trades)
  const uscc = creditCode('91', serial % 3 === 0 ? '430124' : '430182', serial)
  const address = `宁乡市示例街道样板路${random.between(1, 300)}号`
  return {
    ...nothing,
    FRWYBS: `E430182${padded(serial, 8)}`,
    TYXYDM: uscc,
    FRFL: '11',
    FRMC: `宁乡示例${random.pick(words)}${padded(serial, 3)}${trade.word}有限公司`,
    FDDBR: person.name,
    FR_ZJLX: '10',
    FR_ZJHM: person.idNumber,
    DOM: address,
    DOMDISTRICT: '430182',
    OPLOC: address,
    ZZJGDM: uscc.slice(8, 17),
    YWFW: `${trade.word}的生产与销售;${trade.word}技术咨询。`,
    ...random.pick(capitals),
    QY_LX: '1130',
    HYML: trade.class,
    HYDM: trade.code,
    BZ_CZ: random.oneIn(2) ? '1' : '0',
    DH: `0731-0000${padded(serial, 4)}`,
    ...registeredCells(random, dayOf(random, random.between(1998, 2024))),
  }
}

const noCode: Cells = { TYXYDM: '00000000000000000X', ZZJGDM: '' }

const soundCases = (ordinary: readonly Cells[]): CaseDraft[] => [
  { about: '吊销未注销', cells: { CXZT: '2', DXRQ: '2023-05-06' } },
  { about: '已注销', cells: { CXZT: '注销', ZXRQ: '20240708', ZXYY: '决议解散' } },
  { about: '美元注册资本', cells: { ZCZB: '30(万美元)', BM_BZ: '840', QY_LX: '5000' } },
  { about: '港币注册资本,以元计', cells: { ZCZB: '5000000港元', BM_BZ: '港币', QY_LX: '6000' } },
  {
    about: '没有统一代码,有注册号',
    cells: { ...noCode, DJZCH: `${registrationNumber('430124', 7)}          ` },
  },
  {
    about: '没有统一代码,有组织机构代码(带横杠)',
    cells: {
      ...noCode,
      FRFL: '22',
      ZZJGDM: `${organisationCode(9001).slice(0, 8)}-${organisationCode(9001).slice(8)}`,
    },
  },
  {
    about: '代码前缀为已撤销的区划',
    cells: { TYXYDM: creditCode('91', '430122', 9002), ZZJGDM: '' },
  },
  {
    about: '国家级登记机关的前缀 100000',
    cells: { TYXYDM: creditCode('91', '100000', 9003), ZZJGDM: '' },
  },
  { about: '全角代码', cells: { TYXYDM: fullWidth(creditCode('91', '430182', 9004)), ZZJGDM: '' } },
  {
    about: '个体工商户',
    cells: {
      FRFL: '91',
      QY_LX: '9500',
      TYXYDM: creditCode('92', '430182', 9005),
      ZZJGDM: '',
      GT_ZCXS: '1',
      ZCZB: '',
      BM_BZ: '',
    },
  },
  { about: '曾用名两个', cells: { CYMC: '宁乡县示例甲厂;宁乡县示例乙厂' } },
  {
    about: '外籍法定代表人,护照不按公民号码校验',
    cells: { FDDBR: 'SAMPLE JANE', FR_ZJLX: '40', FR_ZJHM: 'X00000017' },
  },
  { about: '没有唯一标识:以统一代码为主键', cells: { FRWYBS: '' } },
  { about: '与第 2 行完全相同', cells: { ...ordinary[0] } },
  {
    about: '第 3 行的旧版本',
    cells: { ...ordinary[1], FDDBR: '旧代表', GXSJ: '2020-01-01 00:00:00' },
  },
]

const faultyCases: readonly CaseDraft[] = [
  { about: '没有任何代码', cells: noCode, says: ['required uscc'], refused: 'always' },
  { about: '没有名称', cells: { FRMC: '' }, says: ['required name'], refused: 'always' },
  {
    about: '统一代码校验码不符',
    cells: { TYXYDM: spoilt(creditCode('91', '430182', 9010)), ZZJGDM: '' },
    says: ['identifier-check-digit uscc'],
    refused: 'strict',
  },
  {
    about: '统一代码含字母 O',
    cells: { TYXYDM: '91430182XY000O100X', ZZJGDM: '' },
    says: ['identifier-form uscc'],
    refused: 'strict',
  },
  {
    about: '吊销的企业,代码校验码不符,仍须落库',
    cells: { TYXYDM: spoilt(creditCode('91', '430182', 9011)), ZZJGDM: '', CXZT: '2' },
    says: ['identifier-check-digit uscc'],
  },
  {
    about: '内嵌组织机构代码不符',
    cells: { TYXYDM: oddCreditCode('91', '430182', 9012), ZZJGDM: '' },
    says: ['identifier-organisation uscc'],
  },
  {
    about: '代码前缀从未存在过',
    cells: { TYXYDM: creditCode('91', '430199', 9013), ZZJGDM: '' },
    says: ['division-unknown uscc'],
  },
  {
    about: '注册号校验码不符',
    cells: { DJZCH: spoilt(registrationNumber('430182', 8)) },
    says: ['identifier-check-digit regNo'],
    refused: 'strict',
  },
  {
    about: '金额无法识别',
    cells: { ZCZB: '约一百来万' },
    says: ['amount-invalid capital'],
    refused: 'strict',
  },
  {
    about: '经营期限倒置',
    cells: { JYQSRQ: '2030-01-01', JYJZRQ: '2020-01-01' },
    says: ['cross-period termFrom'],
    refused: 'strict',
  },
  {
    about: '登记日期在将来',
    cells: { DJRQ: '2088-08-08' },
    says: ['date-future regDate'],
    refused: 'strict',
  },
  { about: '没有法定代表人', cells: { FDDBR: '/' }, says: ['field-missing legalRep'] },
  {
    about: '法定代表人号码已被遮盖',
    cells: { FR_ZJHM: '4301**********1234' },
    says: ['identifier-masked legalRepIdNo'],
    refused: 'strict',
  },
  {
    about: '存续状态无法识别',
    cells: { CXZT: '8' },
    says: ['code-unknown status'],
    refused: 'strict',
  },
  { about: '名称中有转码丢失的字', cells: { FRMC: '宁乡示例??商行' }, says: ['char-lossy name'] },
]

function fullWidth(text: string): string {
  return Array.from(text, (char) => String.fromCharCode(char.charCodeAt(0) + 0xfee0)).join('')
}

const firstLine = 2

/** The sample, and the companies without a fault whom the other samples may name. */
export function makeCompanies(people: readonly Person[]): Sample & { companies: Company[] } {
  const random = seeded(9_143)
  const ordinary = Array.from({ length: rowCount }, (_, index) =>
    companyCells(random, random.pick(people), index + 1),
  )
  const drafts = [...soundCases(ordinary), ...faultyCases]
  const companies = ordinary.slice(0, rowCount - drafts.length).map(companyOf)
  return { ...withCases(ordinary, drafts, firstLine), companies }
}

const companyOf = (row: Cells): Company => ({
  name: String(row['FRMC']),
  uscc: String(row['TYXYDM']),
  legalRep: String(row['FDDBR']),
  legalRepIdNo: String(row['FR_ZJHM']),
})
