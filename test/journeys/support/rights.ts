import { citizenId, spoilt } from '../../../scripts/make-samples/invented-numbers.ts'
import type { Row } from './journey.ts'

export { spoilt }

/** An invented unit of Ningxiang: a dwelling on land of the State (`standards` §3.6). */
export const unit = (serial: number): string =>
  `430182991001GB${String(serial).padStart(5, '0')}F00010001`

/** An invented certificate number of the form in use since 2015 (`standards` §3.7). */
export const certificate = (serial: number): string =>
  `湘(2024)宁乡市不动产权第${String(9_000_000 + serial)}号`

/** Fifty women to a birthday are told apart. */
const numberOf = (serial: number): string =>
  citizenId('430124', `1975060${String(1 + Math.floor(serial / 50))}`, {
    isMan: false,
    serial: serial % 50,
  })

/** A holder as the registry's second table has it (QLR), an invented person of that serial. */
export const holder = (serial: number, cells: Row = {}): Row => ({
  SXH: 1,
  QLRMC: `权利人${String(serial)}`,
  QLRLX: '1',
  ZJZL: '1',
  ZJH: numberOf(serial),
  BDCQZH: certificate(serial),
  QLBL: '',
  GYFS: '0',
  GJ: 'CHN',
  ...cells,
})

/** A sound row of the registry (FDCQ2): a current right of one holder on the unit of that serial. */
export const right = (id: string, serial: number, cells: Row = {}): Row => ({
  QLID: id,
  BDCDYH: unit(serial),
  YWH: `2024${String(serial).padStart(8, '0')}`,
  QLLX: '4',
  DJLX: '100',
  DJYY: '合法建造',
  FDZL: `宁乡市示例街道样板路${String(serial)}号`,
  TDSYQR: '',
  DYTDMJ: '\\N',
  FTTDMJ: '12.45',
  TDSYQSSJ: '20140301',
  TDSYJSSJ: '2084-03-01',
  FDCJYJG: '86.5',
  GHYT: '11',
  FWXZ: '0',
  FWJG: '3',
  SZC: '3',
  ZCS: '18',
  JZMJ: '98.5',
  ZYJZMJ: '80',
  FTJZMJ: '18.5',
  JGSJ: '2014/6/1',
  BDCQZH: certificate(serial),
  DJJG: '宁乡市自然资源局',
  DJSJ: '20240105',
  FJ: '/',
  QSZT: '1',
  ZXSJ: '1899-12-31',
  GXSJ: '2026-01-01 08:00:00',
  QLR: [holder(serial)],
  DYAQ: [],
  CFDJ: [],
  ...cells,
})
