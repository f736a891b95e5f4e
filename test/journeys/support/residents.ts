import { citizenId, spoilt } from '../../../scripts/make-samples/invented-numbers.ts'
import type { Row } from './journey.ts'

export { citizenId, spoilt }

/** Ningxiang as a city since 2017, and as the county that it was before: a retired code. */
export const ningxiang = '430182'
export const ningxiangCounty = '430124'

/** An invented man born on 1 May 1980; `serial` (0 to 49) tells such men apart. */
export const man = (serial: number, place = ningxiangCounty): string =>
  citizenId(place, '19800501', { isMan: true, serial })

/**
 * A sound row of the police's sharing table, in its own columns (`standards` §4.1). What a test does not
 * name is as most rows are: filled, with the sentinels that such exports have.
 */
export const resident = (person: string, cells: Row = {}): Row => ({
  czrkgmsfhm: '',
  czrkxm: '李示例',
  czrkxb: '1',
  czrkmz: '汉族',
  czrkcsrq: '19800501',
  czrkcsdgj: 'CHN',
  czrkcsdssx: ningxiangCounty,
  czrkssssxq: ningxiang,
  czrkzz: '湖南省宁乡市示例街道模拟大道1号',
  czrkswrq: '1899-12-31',
  czrkqcrq: '18991231',
  czrkzxbs: '0',
  czrksjxgxsj: '20260101080000',
  czrkrkid: person,
  zjlxdm: '111',
  gjdm: 'CHN',
  rklb: '1',
  ...cells,
})
