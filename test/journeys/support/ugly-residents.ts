import { brokenLine } from './csv-text.ts'
import { citizenId, man, ningxiang, ningxiangCounty, resident, spoilt } from './residents.ts'
import type { TableLine } from './verdicts.ts'

const none = { flags: [] }

const invented = {
  /** A leap day that 1890 did not have; the check digit holds (`standards` §3.1). */
  birthThatNeverWas: '440306189002290047',
  /** Residence permits of Hong Kong residents are numbers of the same form, beginning 810000. */
  hongKongResident: citizenId('810000', '19800501', { isMan: true, serial: 1 }),
  rareCharacter: '\u{20BB7}',
  privateUse: '\u{E83F}',
}

const shared = man(20)
const wrongDigit = spoilt(man(21))

/**
 * The ugly population file: a night's export of the police, in the police's own columns. Beside each
 * line stands what must become of it in a strict resource, and where the provider is the authoritative
 * source (lenient) and that differs (`records`, Reject or flag).
 */
export const uglyResidents: readonly TableLine[] = [
  { what: 'a sound row', row: resident('P01', { czrkgmsfhm: man(1) }), key: 'P01', strict: none },
  {
    what: 'a retired division prefix, and a hukou still under it: it was a division when issued',
    row: resident('P02', { czrkgmsfhm: man(2, ningxiangCounty), czrkssssxq: ningxiangCounty }),
    key: 'P02',
    strict: { flags: [], values: { hukouDivision: ningxiangCounty } },
  },
  {
    what: 'a division that never existed: worth a flag, nowhere a refusal',
    row: resident('P03', { czrkgmsfhm: man(3), czrkssssxq: '990000' }),
    key: 'P03',
    strict: { flags: ['division-unknown'], values: { hukouDivision: '990000' } },
  },
  {
    what: 'a newborn without a number yet',
    row: resident('P04', { czrkcsrq: '20260102', wzhmyy: '新生儿未编码' }),
    key: 'P04',
    strict: { flags: [], values: { noIdReason: '新生儿未编码', idNumber: undefined } },
  },
  {
    what: 'a person without a number, and nobody says why',
    row: resident('P05'),
    strict: { rejected: 'required', field: 'idNumber' },
  },
  {
    what: 'a Hong Kong resident by residence permit: same check digit, no division of the list',
    row: resident('P06', {
      czrkgmsfhm: invented.hongKongResident,
      rklb: '3',
      czrkmz: '',
      czrkzz: '',
    }),
    key: 'P06',
    strict: { flags: [], values: { idNumber: invented.hongKongResident } },
  },
  {
    what: 'a Hong Kong resident by travel permit: no citizen number, so nothing of it is checked',
    row: resident('P07', {
      czrkgmsfhm: 'H12345678',
      zjlxdm: '516',
      rklb: '3',
      czrkmz: '',
      czrkssssxq: '',
      czrkzz: '',
    }),
    key: 'P07',
    strict: { flags: [], values: { idNumber: 'H12345678', idType: '516' } },
  },
  {
    what: 'a passport: a foreigner has no hukou, but a nationality',
    row: resident('P08', {
      czrkgmsfhm: 'E12345678',
      zjlxdm: '414',
      rklb: '4',
      gjdm: '840',
      czrkmz: '',
      czrkssssxq: '',
      czrkzz: '',
    }),
    key: 'P08',
    strict: { flags: [], values: { nationality: '840', ethnicity: undefined } },
  },
  {
    what: 'a passport without a nationality: that is what is expected of foreigners',
    row: resident('P09', {
      czrkgmsfhm: 'E12345679',
      zjlxdm: '414',
      rklb: '4',
      gjdm: '',
      czrkmz: '',
    }),
    key: 'P09',
    strict: { flags: ['field-missing'] },
  },
  {
    what: 'a dead person with an empty address',
    row: resident('P10', { czrkgmsfhm: man(10), czrkswrq: '20251220', czrkzz: '' }),
    key: 'P10',
    strict: { flags: ['field-missing'], values: { deathDate: '2025-12-20' } },
  },
  {
    what: 'a dead person with a wrong check digit and no name: a death lands, whatever else is wrong',
    row: resident('P11', { czrkgmsfhm: spoilt(man(11)), czrkxm: '', czrkswrq: '20251220' }),
    key: 'P11',
    strict: { flags: ['identifier-check-digit', 'required'], values: { deathDate: '2025-12-20' } },
  },
  {
    what: 'a sex that the 17th digit contradicts',
    row: resident('P12', { czrkgmsfhm: man(12), czrkxb: '女' }),
    key: 'P12',
    strict: { rejected: 'cross-sex', field: 'sex' },
    lenient: { flags: ['cross-sex'], values: { sex: '2' } },
  },
  {
    what: 'the first of two people with one number',
    row: resident('P13', { czrkgmsfhm: shared, czrkxm: '王示例' }),
    key: 'P13',
    strict: { flags: ['key-shared'], values: { idNumber: shared } },
  },
  {
    what: 'the second of two people with one number',
    row: resident('P14', { czrkgmsfhm: shared, czrkxm: '赵示例' }),
    key: 'P14',
    strict: { flags: ['key-shared'], values: { idNumber: shared } },
  },
  {
    what: 'a wrong check digit',
    row: resident('P15', { czrkgmsfhm: wrongDigit }),
    key: 'P15',
    strict: { rejected: 'identifier-check-digit', field: 'idNumber' },
    lenient: { flags: ['identifier-check-digit'], values: { idNumber: wrongDigit } },
  },
  {
    what: 'a number whose birth date was on no calendar, though its check digit holds',
    row: resident('P16', {
      czrkgmsfhm: invented.birthThatNeverWas,
      czrkcsrq: '18900228',
      czrkxb: '2',
    }),
    key: 'P16',
    strict: { rejected: 'identifier-date', field: 'idNumber' },
    lenient: { flags: ['identifier-date'], values: { idNumber: invented.birthThatNeverWas } },
  },
  {
    // A masked value is no identifier, for anyone: the lenient resource keeps it in the quality entry only.
    what: 'a masked number',
    row: resident('P17', { czrkgmsfhm: '430124************' }),
    key: 'P17',
    strict: { rejected: 'identifier-masked', field: 'idNumber' },
    lenient: { flags: ['identifier-masked'], values: { idNumber: undefined } },
  },
  {
    what: 'a middle dot of another kind: stored as it came, folded only when it is compared',
    row: resident('P18', { czrkgmsfhm: man(18), czrkxm: '买买提\u2022示例' }),
    key: 'P18',
    strict: { flags: [], values: { name: '买买提\u2022示例' } },
  },
  {
    what: 'a rare character beyond U+FFFF, fifty times: lengths count code points',
    row: resident('P19', { czrkgmsfhm: man(19), czrkxm: invented.rareCharacter.repeat(50) }),
    key: 'P19',
    strict: { flags: [], values: { name: invented.rareCharacter.repeat(50) } },
  },
  {
    what: 'a private-use character',
    row: resident('P20', { czrkgmsfhm: man(22), czrkxm: `李${invented.privateUse}` }),
    key: 'P20',
    strict: { flags: ['char-private-use'], values: { name: `李${invented.privateUse}` } },
  },
  {
    what: 'a question mark where a character was lost',
    row: resident('P21', { czrkgmsfhm: man(23), czrkxm: '李?' }),
    key: 'P21',
    strict: { flags: ['char-lossy'], values: { name: '李?' } },
  },
  {
    what: 'an impossible birth date',
    row: resident('P22', { czrkgmsfhm: man(24), czrkcsrq: '19800230' }),
    key: 'P22',
    strict: { rejected: 'date-invalid', field: 'birthDate' },
    lenient: { flags: ['date-invalid'], values: { birthDate: undefined } },
  },
  {
    what: 'no name',
    row: resident('P23', { czrkgmsfhm: man(25), czrkxm: '\\N' }),
    strict: { rejected: 'required', field: 'name' },
  },
  {
    what: 'no key at all: neither an id of the source nor a number',
    row: resident('', { wzhmyy: '无户口' }),
    strict: { rejected: 'key-missing', field: null },
  },
  {
    // Where the source has no id of its own for somebody, the number is the key (`records`, Identity).
    what: 'no id of the source, but a number',
    row: resident('', { czrkgmsfhm: man(26) }),
    key: man(26),
    strict: none,
  },
  {
    what: 'no id of the source, and a number with a wrong check digit: its key all the same',
    row: resident('', { czrkgmsfhm: spoilt(man(27)) }),
    key: spoilt(man(27)),
    strict: { rejected: 'identifier-check-digit', field: 'idNumber' },
    lenient: { flags: ['identifier-check-digit'] },
  },
  {
    what: 'no id of the source, and a masked number: no key can be read from it, by anyone',
    row: resident('', { czrkgmsfhm: '430124********0010' }),
    strict: { rejected: 'identifier-masked', field: 'idNumber' },
  },
  {
    what: 'the death of nobody: even that needs a key',
    row: resident('', { wzhmyy: '无户口', czrkswrq: '20251220' }),
    strict: { rejected: 'key-missing', field: null },
  },
  {
    what: 'a broken line',
    row: { [brokenLine]: '430124198005019039,李示例,,1' },
    strict: { rejected: 'not-csv', field: null },
  },
  {
    what: 'a repeated line',
    row: resident('P01', { czrkgmsfhm: man(1) }),
    strict: 'unchanged',
  },
  {
    what: 'an older line of somebody who came before',
    row: resident('P02', { czrkgmsfhm: man(2), czrkzz: '旧址', czrksjxgxsj: '20240101080000' }),
    strict: 'superseded',
  },
]

const inStandardShape = (person: string, values: Record<string, unknown>) => ({
  sourcePersonId: person,
  name: '李示例',
  sex: '1',
  birthDate: '1980-05-01',
  ethnicity: '01',
  hukouDivision: ningxiang,
  hukouAddress: '湖南省宁乡市示例街道模拟大道1号',
  ...values,
})

/** People by a source that already speaks the standard: no mapping mends anything here. */
export const uglyPeople: readonly TableLine[] = [
  {
    what: 'a sound record',
    row: inStandardShape('S01', { idNumber: man(1) }),
    key: 'S01',
    strict: none,
  },
  {
    what: 'a small x and full-width digits: stored in the one form',
    row: inStandardShape('S02', {
      idNumber: '１１０１０５１９４９１２３１００２x',
      sex: '2',
      birthDate: '1949-12-31',
    }),
    key: 'S02',
    strict: { flags: [], values: { idNumber: '11010519491231002X' } },
  },
  {
    what: 'a code that the table does not have',
    row: inStandardShape('S03', { idNumber: man(3), ethnicity: '77' }),
    key: 'S03',
    strict: { rejected: 'code-unknown', field: 'ethnicity' },
    // A bad value that is no identifier is stored as none, and missed no second time.
    lenient: { flags: ['code-unknown'], values: { ethnicity: undefined } },
  },
  {
    what: 'a number where a text belongs',
    row: inStandardShape('S04', { idNumber: man(4), sex: 1 }),
    key: 'S04',
    strict: { rejected: 'type', field: 'sex' },
    lenient: { flags: ['type'], values: { sex: undefined } },
  },
  {
    what: 'a field that the standard does not have',
    row: inStandardShape('S05', { idNumber: man(5), nickname: '小李' }),
    key: 'S05',
    strict: { rejected: 'field-unknown', field: 'nickname' },
    lenient: { flags: ['field-unknown'] },
  },
  {
    what: 'a birth date that the number contradicts',
    row: inStandardShape('S06', { idNumber: man(6), birthDate: '1980-05-02' }),
    key: 'S06',
    strict: { rejected: 'cross-birth-date', field: 'birthDate' },
    lenient: { flags: ['cross-birth-date'], values: { birthDate: '1980-05-02' } },
  },
  {
    what: 'a person who moved away, with an impossible birth date: the move lands',
    row: inStandardShape('S07', {
      idNumber: man(7),
      moveOutDate: '2026-01-05',
      birthDate: '1980-02-30',
    }),
    key: 'S07',
    strict: {
      flags: ['date-invalid'],
      values: { moveOutDate: '2026-01-05', birthDate: undefined },
    },
  },
  {
    what: 'a character that no database stores',
    row: inStandardShape('S08', { idNumber: man(8), name: '李\u0000' }),
    strict: { rejected: 'char-not-storable', field: 'name' },
  },
]
