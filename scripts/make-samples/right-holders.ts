/** Units, certificates and holders, as the registry's tables write them. */
import type { Company } from './companies.ts'
import type { Cells } from './hard-case.ts'
import type { Person } from './residents.ts'
import { padded } from './seeded.ts'

export const unitOf = (serial: number): string =>
  `430182991001GB${padded(serial, 5)}F0001${padded(serial, 4)}`
export const certificateOf = (serial: number): string =>
  `湘(2024)宁乡市不动产权第${padded(9_000_000 + serial, 7)}号`

/** Certificate numbers come from `char(50)` columns. */
export const inChar50 = (text: string): string => text.padEnd(50, ' ')

export interface Share {
  order: number
  certificate: string
  /** 权利比例 as written, and the kind of co-ownership. */
  share: string
  kind: string
}

export const alone = (certificate: string): Share => ({
  order: 1,
  certificate,
  share: '',
  kind: '0',
})

export const personHolder = (
  rightId: string,
  { name, idNumber, isMan, address }: Person,
  share: Share,
): Cells => ({
  QLID: rightId,
  SXH: share.order,
  QLRMC: name,
  QLRLX: '1',
  ZJZL: '1',
  ZJH: idNumber,
  BDCQZH: inChar50(share.certificate),
  QZYSXLH: `示例${padded(share.order, 8)}`,
  FZJG: '宁乡市自然资源局',
  QLBL: share.share,
  GYFS: share.kind,
  GJ: 'CHN',
  XB: isMan ? '1' : '2',
  DZ: address,
})

export const companyHolder = (rightId: string, { name, uscc }: Company, share: Share): Cells => ({
  QLID: rightId,
  SXH: share.order,
  QLRMC: name,
  QLRLX: '2',
  ZJZL: '7',
  ZJH: uscc,
  BDCQZH: inChar50(share.certificate),
  FZJG: '宁乡市自然资源局',
  QLBL: share.share,
  GYFS: share.kind,
})
