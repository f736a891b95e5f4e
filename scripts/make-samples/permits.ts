/** Published permits (双公示): decisions about the companies and the residents of the other samples. */
import type { Company } from './companies.ts'
import { withCases, type CaseDraft, type Cells, type Sample } from './hard-case.ts'
import { creditCode, registrationNumber } from './invented-numbers.ts'
import { rowCount, type Person } from './residents.ts'
import { dayOf, padded, seeded, written, type Seeded } from './seeded.ts'

/** The authority of today, and the one that it was made of. */
const authority = { name: '宁乡市示例审批局', code: creditCode('11', '430182', 101) }
const formerAuthority = { name: '宁乡县示例管理局', code: creditCode('11', '430124', 102) }

const nothing: Cells = {
  XK_XDR_GSZC: '',
  XK_XDR_ZZJG: '\\N',
  XK_XDR_SWDJ: '',
  XK_XDR_SYDW: '',
  XK_XDR_SHZZ: '',
  XK_FR_SFZH: '',
  XK_FR_ZJLX: '',
  XK_FR_ZJHM: '',
  XK_XDR_ZJLX: '',
  XK_XDR_ZJHM: '',
  BZ: '/',
}

/** Older rows name the legal representative's number alone, newer ones the kind of document too. */
const companyCells = (
  { name, uscc, legalRep, legalRepIdNo }: Company,
  isOlder: boolean,
): Cells => ({
  ...nothing,
  XK_XDR_MC: name,
  XK_XDR_LB: isOlder ? '02' : '法人及非法人组织',
  XK_XDR_SHXYM: uscc,
  XK_FRDB: legalRep,
  ...(isOlder ? { XK_FR_SFZH: legalRepIdNo } : { XK_FR_ZJLX: '身份证', XK_FR_ZJHM: legalRepIdNo }),
})

const personCells = ({ name, idNumber }: Person): Cells => ({
  ...nothing,
  XK_XDR_MC: name,
  XK_XDR_LB: '自然人',
  XK_XDR_SHXYM: '',
  XK_FRDB: '',
  XK_XDR_ZJLX: '身份证',
  XK_XDR_ZJHM: idNumber,
})

const things = ['食品经营', '道路运输经营', '公共场所卫生', '户外广告设置', '特种设备使用'] as const

function permitCells(random: Seeded, serial: number, holder: Cells): Cells {
  const thing = random.pick(things)
  const year = random.between(2021, 2025)
  const decided = written(dayOf(random, year), '/')
  return {
    ...holder,
    XK_XKWS: `准予${thing}许可决定书`,
    XK_WSH: `宁示审许〔${year}〕${padded(serial, 4)}号`,
    XK_XKLB: random.pick(['普通', '普通', '核准', '登记', '其他(补充说明:备案)']),
    XK_XKZS: `${thing}许可证`,
    XK_XKBH: `XK4301829${padded(serial, 7)}`,
    XK_NR: `准予从事${thing}。`,
    XK_JDRQ: decided,
    XK_YXQZ: decided,
    XK_YXQZI: random.pick([`${year + 5}/01/01`, '2099/12/31', '2099-12-31']),
    XK_XKJG: authority.name,
    XK_XKJGDM: authority.code,
    XK_ZT: '1',
    XK_LYDW: authority.name,
    XK_LYDWDM: authority.code,
    GXSJ: `2025-12-${padded(random.between(1, 28), 2)} 18:00:00`,
  }
}

const formerly: Cells = {
  XK_XKJG: formerAuthority.name,
  XK_XKJGDM: formerAuthority.code,
  XK_LYDW: formerAuthority.name,
  XK_LYDWDM: formerAuthority.code,
}

interface Holders {
  company: Company
  person: Person
}

function soundCases({ company, person }: Holders, ordinary: readonly Cells[]): CaseDraft[] {
  const moved = {
    XK_WSH: '宁示管许〔2016〕8号',
    XK_XKBH: 'XK20160008',
    XK_JDRQ: '2016/06/01',
    XK_YXQZ: '2016/06/01',
    XK_YXQZI: '2099/12/31',
  }
  return [
    {
      about: '一份决定书下的两个许可(之一)',
      cells: {
        ...companyCells(company, false),
        XK_WSH: '宁示审许〔2025〕9001号',
        XK_XKBH: 'XK90010001',
      },
    },
    {
      about: '一份决定书下的两个许可(之二)',
      cells: {
        ...companyCells(company, false),
        XK_WSH: '宁示审许〔2025〕9001号',
        XK_XKBH: 'XK90010002',
      },
    },
    {
      about: '机构改革前由原机关颁发,已失效',
      cells: { ...companyCells(company, true), ...moved, ...formerly, XK_ZT: '2' },
    },
    { about: '机构改革后由新机关换发', cells: { ...companyCells(company, false), ...moved } },
    {
      about: '已过有效期',
      cells: { XK_JDRQ: '2015/01/01', XK_YXQZ: '2015/01/01', XK_YXQZI: '2020/01/01' },
    },
    { about: '长期有效(99990909)', cells: { XK_YXQZI: '99990909' } },
    { about: '个体工商户,类别为代码', cells: { XK_XDR_LB: '04', XK_FRDB: '' } },
    {
      about: '没有统一代码(占位符),有工商注册号',
      cells: {
        ...companyCells(company, false),
        XK_XDR_SHXYM: '00000000000000000X',
        XK_XDR_GSZC: registrationNumber('430124', 77),
      },
    },
    {
      about: '持护照的自然人',
      cells: {
        ...personCells(person),
        XK_XDR_MC: 'SAMPLE JANE',
        XK_XDR_ZJLX: '护照',
        XK_XDR_ZJHM: 'X00000017',
      },
    },
    { about: '没有许可编号', cells: { XK_XKBH: '' } },
    {
      about: '与上一许可同号,文书号括号写法不同(旧版本)',
      cells: {
        ...ordinary[0],
        XK_WSH: String(ordinary[0]?.['XK_WSH']).replace('〔', ' [').replace('〕', '] '),
        GXSJ: '2020-01-01 00:00:00',
      },
    },
    { about: '与第 2 行完全相同', cells: { ...ordinary[0] } },
  ]
}

function faultyCases({ company, person }: Holders): CaseDraft[] {
  return [
    {
      about: '自然人却填了统一代码',
      cells: { ...personCells(person), XK_XDR_SHXYM: company.uscc },
      says: ['cross-holder holders.kind'],
      refused: 'strict',
    },
    {
      about: '法人没有任何代码',
      cells: { ...companyCells(company, false), XK_XDR_SHXYM: '00000000000000000X' },
      says: ['cross-holder holders.kind'],
      refused: 'strict',
    },
    {
      about: '自然人号码已被遮盖',
      cells: { ...personCells({ ...person, idNumber: '430124********1234' }) },
      says: ['identifier-masked holders.code', 'identifier-masked holders.idNumber'],
      refused: 'strict',
    },
    {
      about: '有效期倒置',
      cells: { XK_YXQZ: '2025/06/01', XK_YXQZI: '2024/06/01' },
      says: ['cross-period validFrom'],
      refused: 'strict',
    },
    {
      about: '决定日期在将来',
      cells: { XK_JDRQ: '2088/01/01' },
      says: ['date-future decisionDate'],
      refused: 'strict',
    },
    { about: '没有当前状态', cells: { XK_ZT: '' }, says: ['required status'], refused: 'always' },
    { about: '没有许可机关', cells: { XK_XKJG: '' }, says: ['required issuer'], refused: 'always' },
    {
      about: '没有文书号、编号、相对人代码',
      cells: { ...companyCells(company, false), XK_WSH: '', XK_XKBH: '', XK_XDR_SHXYM: '' },
      says: ['cross-holder holders.kind', 'key-missing'],
      refused: 'always',
    },
    {
      about: '没有相对人',
      cells: { ...nothing, XK_XDR_MC: '', XK_XDR_LB: '', XK_XDR_SHXYM: '', XK_FRDB: '' },
      says: ['required holders'],
      refused: 'always',
    },
    {
      about: '已撤销的许可,期限倒置,仍须落库',
      cells: { XK_ZT: '无效', XK_YXQZ: '2025/06/01', XK_YXQZI: '2024/06/01' },
      says: ['cross-period validFrom'],
    },
    {
      about: '没有有效期',
      cells: { XK_YXQZ: '', XK_YXQZI: '1899-12-31' },
      says: ['field-missing validFrom', 'field-missing validTo'],
    },
    {
      about: '相对人类别无法识别',
      cells: { XK_XDR_LB: '机器人' },
      says: ['code-unknown holders.kind'],
      refused: 'strict',
    },
  ]
}

/** The sample; one permit in four is a natural person's. */
export function makePermits(people: readonly Person[], companies: readonly Company[]): Sample {
  const random = seeded(424)
  const ordinary = Array.from({ length: rowCount }, (_, index) => {
    const holder =
      index % 4 === 3
        ? personCells(random.pick(people))
        : companyCells(random.pick(companies), index % 3 === 0)
    return permitCells(random, index + 1, holder)
  })
  const [person] = people
  const [company] = companies
  if (!person || !company) throw new Error('Permits need a person and a company')
  const holders = { person, company }
  return withCases(ordinary, [...soundCases(holders, ordinary), ...faultyCases(holders)], 2)
}
