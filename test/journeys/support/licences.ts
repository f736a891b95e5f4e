import {
  creditCode,
  licenceId,
  organisationCode,
} from '../../../scripts/make-samples/invented-numbers.ts'
import type { Row } from './journey.ts'

/** An invented approval office, the same under the code it has since a reorganisation, and a licence type. */
export const office = creditCode('11', '430182', 701)
export const reorganised = creditCode('11', '430182', 702)
export const licenceType = `${creditCode('11', '430000', 703)}001`

export const company = (serial: number): string => creditCode('91', '430182', 800 + serial)
export const oldCompanyCode = (serial: number): string => organisationCode(900 + serial)

export interface Edition {
  serial: string
  version: number
  issuer?: string
}

export const identifierOf = ({ serial, version, issuer = office }: Edition): string =>
  licenceId({ type: licenceType, issuer, serial, version })

/** What all versions of a licence share, as the mapping composes it (`records`, Identity). */
export const familyOf = (serial: string, issuer = office): string =>
  `${licenceType}|${issuer}|${serial}`

/** A sound row of the licence aggregation table (GB/T 36903) with the exchange table's own columns. */
export const licence = (edition: Edition, cells: Row = {}): Row => ({
  ZZBS: identifierOf(edition),
  ZZMC: '示例经营许可证',
  ZZLXMC: '示例经营许可证',
  ZZLXDM: licenceType,
  ZZBH: `示例证字第${edition.serial}号`,
  ZZBFJG: '宁乡市示例审批局',
  ZZBFJGDM: edition.issuer ?? office,
  ZZBFRQ: '2024-03-01',
  CZZT: '宁乡示例食品有限公司',
  CZZTDM: company(1),
  CZZTDMLX: '统一社会信用代码',
  CZZTDMLXDM: '001',
  ZZYXQQSRQ: '20240301',
  ZZYXQJZRQ: '20990228',
  certificate_area_code: '430182',
  ZZQZR: '\\N',
  ZZQZSJ: '2024-03-01',
  ZZQZMC: '宁乡市示例审批局证照专用章',
  ZZZT: '1',
  ZZBGSJ: '1899-12-31',
  ZZBGYY: '',
  CJSJ: '2024-03-01',
  JZJ: [],
  cd_batch: '20260101001',
  cd_operation: 'I',
  cd_time: '20260101080000',
  ...cells,
})

/** A sound row of the published permits (双公示, 2018), given to a company. */
export const permit = (documentNo: string, permitNo: string, cells: Row = {}): Row => ({
  XK_XDR_MC: '宁乡示例食品有限公司',
  XK_XDR_LB: '法人及非法人组织',
  XK_XDR_SHXYM: company(1),
  XK_FRDB: '李示例',
  XK_XKWS: '准予食品经营许可决定书',
  XK_WSH: documentNo,
  XK_XKLB: '普通',
  XK_XKZS: '食品经营许可证',
  XK_XKBH: permitNo,
  XK_NR: '准予从事食品经营。',
  XK_JDRQ: '2025/03/01',
  XK_YXQZ: '2025/03/01',
  XK_YXQZI: '2030/02/28',
  XK_XKJG: '宁乡市示例审批局',
  XK_XKJGDM: office,
  XK_ZT: '1',
  XK_LYDW: '宁乡市示例审批局',
  XK_LYDWDM: office,
  GXSJ: '2026-01-01 08:00:00',
  ...cells,
})
