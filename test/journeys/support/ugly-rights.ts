import { certificate, holder, right, spoilt, unit } from './rights.ts'
import type { TableLine } from './verdicts.ts'

const none = { flags: [] }

/** Half each, every holder with a certificate of their own; the registry writes both into one cell. */
const twoHolders = {
  BDCQZH: `${certificate(102)}、${certificate(103)}`,
  QLR: [
    holder(2, { SXH: 1, BDCQZH: certificate(102), GYFS: '2', QLBL: '50%' }),
    holder(3, { SXH: 2, BDCQZH: certificate(103), GYFS: '2', QLBL: '1/2' }),
  ],
}

export const mortgage = {
  DYFS: '1',
  DYR: '权利人6',
  DYQR: '示例银行宁乡支行',
  BDBZZQSE: '80万元',
  ZWLXQSSJ: '20240201',
  ZWLXJSSJ: '20440131',
}
export const seizure = {
  CFLX: '1',
  CFWH: '(2026)示0182执1号',
  CFSQRQ: '2026-01-05',
  CFZT: '查封',
  CFJG: '示例人民法院',
}

/** A share of a unit's right that is registered as a right of its own. */
export const shareOf = (serial: number, share: string) => ({
  QLR: [holder(serial, { GYFS: '2', QLBL: share })],
})

/** The ugly property file: rights as the registry exports them, and what must become of each. */
export const uglyRights: readonly TableLine[] = [
  { what: 'a sound right', row: right('R01', 1), key: 'R01', strict: none },
  {
    what: 'two holders, each with a certificate',
    row: right('R02', 2, twoHolders),
    key: 'R02',
    strict: { flags: [], values: { certNo: certificate(102) } },
  },
  {
    what: 'the first of two units under one certificate',
    row: right('R03', 3, {
      BDCQZH: certificate(203),
      QLR: [holder(4, { BDCQZH: certificate(203) })],
    }),
    key: 'R03',
    strict: none,
  },
  {
    // A certificate is no identity of the right: sharing one is no doubt about either.
    what: 'the second of two units under one certificate',
    row: right('R04', 4, {
      BDCQZH: certificate(203),
      QLR: [holder(4, { BDCQZH: certificate(203) })],
    }),
    key: 'R04',
    strict: none,
  },
  {
    what: 'a mortgage',
    row: right('R05', 5, { DYAQ: [mortgage] }),
    key: 'R05',
    strict: {
      flags: [],
      values: {
        mortgages: [
          {
            kind: '1',
            mortgagor: '权利人6',
            mortgagee: '示例银行宁乡支行',
            securedAmount: '80',
            debtFrom: '2024-02-01',
            debtTo: '2044-01-31',
          },
        ],
      },
    },
  },
  {
    what: 'a mortgage registered as a right of its own: it stands beside the ownership',
    row: right('R06', 5, { QLLX: '23', YWH: '202400000106' }),
    key: 'R06',
    strict: none,
  },
  {
    what: 'a seizure on a row with a broken unit number and area: it lands, whatever else is wrong',
    row: right('R07', 7, { CFDJ: [seizure], BDCDYH: '430182991001GB', JZMJ: '约九十平' }),
    key: 'R07',
    strict: {
      flags: ['identifier-form', 'type'],
      values: { unitNo: '430182991001GB', buildingArea: undefined },
    },
  },
  {
    what: 'an old certificate without a unit: it stays valid, and is not placed yet',
    row: right('R08', 8, { BDCDYH: '', BDCQZH: '宁房权证玉潭字第00012345号' }),
    key: 'R08',
    strict: {
      flags: ['unit-not-placed'],
      values: { certNo: '宁房权证玉潭字第00012345号', unitNo: undefined },
    },
  },
  {
    what: 'a broken unit number without a seizure',
    row: right('R09', 9, { BDCDYH: '430182991001GB' }),
    key: 'R09',
    strict: { rejected: 'identifier-form', field: 'unitNo' },
    lenient: { flags: ['identifier-form'], values: { unitNo: '430182991001GB' } },
  },
  {
    what: 'a unit of bare land under the ownership of a house',
    row: right('R10', 10, { BDCDYH: '430182991001GB00010W00000000' }),
    key: 'R10',
    strict: { rejected: 'cross-unit-right', field: 'unitNo' },
    lenient: { flags: ['cross-unit-right'] },
  },
  {
    what: 'a unit number as it is printed, in groups',
    row: right('R11', 11, { BDCDYH: '430182 991001 GB00011 F00010001' }),
    key: 'R11',
    strict: { flags: [], values: { unitNo: unit(11) } },
  },
  {
    what: 'a holder’s number with a wrong check digit',
    row: right('R12', 12, { QLR: [holder(12, { ZJH: spoilt(String(holder(12)['ZJH'])) })] }),
    key: 'R12',
    strict: { rejected: 'identifier-check-digit', field: 'holders.idNumber' },
    lenient: { flags: ['identifier-check-digit'] },
  },
  {
    what: 'no holder at all: expected, not required',
    row: right('R13', 13, { QLR: [] }),
    key: 'R13',
    strict: { flags: ['field-missing'] },
  },
  {
    what: 'no location',
    row: right('R14', 14, { FDZL: '/' }),
    strict: { rejected: 'required', field: 'location' },
  },
  {
    what: 'no kind of right',
    row: right('R15', 15, { QLLX: '' }),
    strict: { rejected: 'required', field: 'rightKind' },
  },
  {
    what: 'no id of the right: business number, unit and kind are the key then',
    row: right('', 16),
    key: `202400000016|${unit(16)}|4`,
    strict: none,
  },
  {
    what: 'no key at all: no id, and no unit to compose one with',
    row: right('', 17, { BDCDYH: '' }),
    strict: { rejected: 'key-missing', field: null },
  },
  {
    what: 'six tenths of a unit',
    row: right('R18', 18, shareOf(18, '60%')),
    key: 'R18',
    strict: { flags: ['current-rights-overlap'] },
  },
  {
    what: 'another six tenths of it: together more than the whole',
    row: right('R19', 18, { ...shareOf(19, '60%'), YWH: '202400000119' }),
    key: 'R19',
    strict: { flags: ['current-rights-overlap'] },
  },
  {
    what: 'a third of a unit',
    row: right('R20', 20, shareOf(20, '1/3')),
    key: 'R20',
    strict: none,
  },
  {
    what: 'the other two thirds of it',
    row: right('R21', 20, { ...shareOf(21, '2/3'), YWH: '202400000121' }),
    key: 'R21',
    strict: none,
  },
  {
    what: 'a fifth of a unit',
    row: right('R22', 22, shareOf(22, '1/5')),
    key: 'R22',
    strict: none,
  },
  {
    what: 'the other four fifths of it',
    row: right('R23', 22, { ...shareOf(23, '4/5'), YWH: '202400000123' }),
    key: 'R23',
    strict: none,
  },
]
