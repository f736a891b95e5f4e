/** The awkward people, and what is to be said about each. */
import type { CaseDraft, Cells } from './hard-case.ts'
import { citizenId, spoilt } from './invented-numbers.ts'

const man = (birthday: string, serial: number, place = '430124'): Cells => ({
  czrkgmsfhm: citizenId(place, birthday, { isMan: true, serial }),
  czrkcsrq: birthday,
  czrkxb: '1',
})

const fromAbroad: Cells = { czrkmz: '', czrkssssxq: '', czrkzz: '', czrkjgssx: '', czrkcsdssx: '' }

/** Names and numbers that look wrong and are right. */
const soundCases = (ordinary: readonly Cells[]): CaseDraft[] => [
  { about: '已撤销区划的号码前缀(望城县)', cells: man('19680305', 1, '430122') },
  {
    about: '新生儿尚无号码,已说明原因',
    cells: {
      czrkgmsfhm: '',
      wzhmyy: '新生儿,尚未编号',
      czrkcsrq: '20260110',
      czrkxb: '2',
      zjlxdm: '',
      czrkhyzk: '10',
      czrkwhcd: '',
    },
  },
  {
    about: '号码为占位符,已说明原因',
    cells: { czrkgmsfhm: '00000000000000000X', wzhmyy: '历史未编号', zjlxdm: '' },
  },
  {
    about: '香港居民,持港澳居民来往内地通行证',
    cells: {
      ...fromAbroad,
      czrkgmsfhm: 'H00000018',
      zjlxdm: '516',
      rklb: '3',
      gjdm: '156',
      czrkxm: '陈样本',
    },
  },
  {
    about: '港澳台居民居住证号码(810000)',
    cells: { ...fromAbroad, ...man('19880808', 2, '810000'), zjlxdm: '', rklb: '3' },
  },
  {
    about: '外国人,持普通护照',
    cells: {
      ...fromAbroad,
      czrkgmsfhm: 'X00000017',
      czrkxm: 'SAMPLE JANE',
      zjlxdm: '414',
      rklb: '4',
      gjdm: '840',
      czrkcsdgj: '840',
    },
  },
  {
    about: '15 位旧号码',
    cells: { czrkgmsfhm: '430124600101901', czrkcsrq: '19600101', czrkxb: '1' },
  },
  {
    about: '全角数字与小写 x',
    cells: {
      czrkgmsfhm: '１１０１０５１９４９１２３１００２ｘ',
      czrkcsrq: '1949-12-31',
      czrkxb: '女',
    },
  },
  {
    about: '定长列的尾随空格',
    cells: { czrkxm: '周立新　  ', czrkmz: '汉族   ', czrkhh: '430182000999      ' },
  },
  { about: '间隔号:项目符号 •', cells: { czrkxm: '阿依努尔•买买提', czrkmz: '维吾尔族' } },
  { about: '间隔号:半角片假名点 ･', cells: { czrkxm: '古丽･吐尔逊', czrkmz: '维吾尔族' } },
  { about: '间隔号:连字点 ‧', cells: { czrkxm: '扎西‧顿珠', czrkmz: '藏族' } },
  { about: 'U+FFFF 以外的生僻字', cells: { czrkxm: '王𠅤𬱖' } },
  { about: '旧族称毛难族', cells: { czrkmz: '毛难族' } },
  { about: '旧族称崩龙族', cells: { czrkmz: '崩龙族' } },
  {
    about: '曾用名、曾用号码各两个',
    cells: {
      czrkcym: '刘小样，刘样儿',
      cyhm: `${citizenId('430124', '19700101', { isMan: true, serial: 7 })},${citizenId('430124', '19700102', { isMan: true, serial: 8 })}`,
    },
  },
  { about: '两人共用一个号码(之一)', cells: { ...man('19750615', 3), czrkxm: '何同号' } },
  { about: '两人共用一个号码(之二)', cells: { ...man('19750615', 3), czrkxm: '马同号' } },
  {
    about: '已迁出',
    cells: { czrkqcrq: '20240301', czrkqczxlb: '迁往市外', czrkzxbs: '是', czrkzxrq: '2024/03/01' },
  },
  { about: '与第 2 行完全相同', cells: { ...ordinary[0] } },
  {
    about: '第 3 行的旧版本',
    cells: { ...ordinary[1], czrkhyzk: '10', czrksjxgxsj: '20190101080000' },
  },
]

/** What is flagged, refused, or both. */
const faultyCases: readonly CaseDraft[] = [
  {
    about: '没有号码也没有原因',
    cells: { czrkgmsfhm: '\\N' },
    says: ['required idNumber'],
    refused: 'always',
  },
  { about: '没有姓名', cells: { czrkxm: ' ' }, says: ['required name'], refused: 'always' },
  { about: '没有人口ID:以号码为主键,不算错', cells: { czrkrkid: '' } },
  {
    about: '既无人口ID又无号码',
    cells: { czrkrkid: '', czrkgmsfhm: '', wzhmyy: '未登记' },
    says: ['key-missing'],
    refused: 'always',
  },
  {
    about: '死亡人员,住址为空',
    cells: {
      czrkswrq: '20251111',
      czrkswzxlb: '死亡',
      czrkzxbs: '1',
      czrkzxrq: '20251201',
      czrkzz: '',
    },
    says: ['field-missing hukouAddress'],
  },
  {
    about: '死亡人员,号码校验码不符,仍须落库',
    cells: {
      czrkgmsfhm: spoilt(citizenId('430124', '19400202', { isMan: true, serial: 4 })),
      czrkswrq: '20260105',
    },
    says: ['identifier-check-digit idNumber'],
  },
  {
    about: '性别与第 17 位不符',
    cells: { ...man('19830909', 5), czrkxb: '女' },
    says: ['cross-sex sex'],
    refused: 'strict',
  },
  {
    about: '出生日期与号码不符',
    cells: { ...man('19830909', 6), czrkcsrq: '19830908' },
    says: ['cross-birth-date birthDate'],
    refused: 'strict',
  },
  {
    about: '校验码不符',
    cells: { czrkgmsfhm: spoilt(citizenId('430124', '19810101', { isMan: true, serial: 9 })) },
    says: ['identifier-check-digit idNumber'],
    refused: 'strict',
  },
  {
    about: '号码内的日期不存在',
    cells: { czrkgmsfhm: '440306189002290047' },
    says: ['identifier-date idNumber'],
    refused: 'strict',
  },
  {
    about: '号码位数不对',
    cells: { czrkgmsfhm: '4301241981010' },
    says: ['identifier-form idNumber'],
    refused: 'strict',
  },
  {
    about: '号码已被遮盖',
    cells: { czrkgmsfhm: '430124********1234' },
    says: ['identifier-masked idNumber'],
    refused: 'strict',
  },
  {
    about: '出生日期不存在',
    cells: { czrkcsrq: '19900231' },
    says: ['date-invalid birthDate'],
    refused: 'strict',
  },
  { about: '私用区字符', cells: { czrkxm: '李\uE863' }, says: ['char-private-use name'] },
  { about: '转码丢失的字', cells: { czrkxm: '张?' }, says: ['char-lossy name'] },
  {
    about: '码表中没有的民族',
    cells: { czrkmz: '无此族' },
    says: ['code-unknown ethnicity'],
    refused: 'strict',
  },
  {
    about: '从未存在过的区划',
    cells: { czrkssssxq: '430199' },
    says: ['division-unknown hukouDivision'],
  },
  {
    about: '外国人没有国籍',
    cells: { ...fromAbroad, czrkgmsfhm: 'X00000025', zjlxdm: '414', rklb: '4', gjdm: '' },
    says: ['field-missing nationality'],
  },
  {
    about: '注销标识无法识别',
    cells: { czrkzxbs: '待定' },
    says: ['type cancelled'],
    refused: 'strict',
  },
]

export const residentCases = (ordinary: readonly Cells[]): CaseDraft[] => [
  ...soundCases(ordinary),
  ...faultyCases,
]
