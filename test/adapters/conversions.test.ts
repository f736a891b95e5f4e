import { describe, expect, test } from 'vitest'
import { adapters } from '../../adapters/index.ts'
import type { FieldSource, Mapping } from '../../schemas/api/mapping.ts'
import type { Field } from '../../schemas/field.ts'
import { hasCode } from '../../src/shared/code-tables.ts'
import { normaliseDocumentNumber } from '../../src/shared/document-number.ts'
import { standards } from '../../src/shared/standards.ts'
import { judgeChanged, pipelineOf, readSample } from './judging.ts'

const residents = 'public-security/residents'
const companies = 'market-regulation/companies'
const registry = 'market-regulation/registry-csv'
const rights = 'natural-resources/rights'
const permits = 'administrative-approval/permits'
const licences = 'administrative-approval/licences'

const valuesOf = async (name: string, cells: Record<string, unknown>) =>
  (await judgeChanged(name, cells)).values

describe('no value', () => {
  test.each(['', '/', '／', '\\N', '   ', '1899-12-31', '18991231', '1899/12/31'])(
    'is what a date written as %j means',
    async (cell) => {
      expect(await valuesOf(residents, { czrkswrq: cell })).not.toHaveProperty('deathDate')
      expect(await valuesOf(companies, { ZXRQ: cell })).not.toHaveProperty('cancelDate')
      expect(await valuesOf(rights, { ZXSJ: cell })).not.toHaveProperty('cancelDate')
    },
  )

  test('is what the placeholder of a credit code means', async () => {
    const cells = { TYXYDM: '00000000000000000x', ZZJGDM: 'M000100Y-4' }
    const values = await valuesOf(companies, cells)
    expect(values).toMatchObject({ orgCode: 'M000100Y4' })
    expect(values).not.toHaveProperty('uscc')
    expect(await valuesOf(permits, { XK_LYDWDM: '00000000000000000X' })).not.toHaveProperty(
      'dataSourceCode',
    )
  })
})

describe('long term', () => {
  test.each(['2099-12-31', '2099/12/31', '9999-09-09', '99990909', '长期'])(
    'is what %s means, and neither a date nor nothing',
    async (cell) => {
      for (const [name, column, field] of [
        [companies, 'JYJZRQ', 'termTo'],
        [permits, 'XK_YXQZI', 'validTo'],
        [licences, 'ZZYXQJZRQ', 'validTo'],
      ] as const) {
        const values = await valuesOf(name, { [column]: cell })
        expect(values).toMatchObject({ longTerm: true })
        expect(values).not.toHaveProperty(field)
      }
    },
  )
})

describe('people', () => {
  test('have one form of number, name, sex, ethnic group and time, however they were typed', async () => {
    const values = await valuesOf(residents, {
      czrkgmsfhm: '１１０１０５１９４９１２３１００２ｘ ',
      czrkxm: '　王 小样  ',
      czrkxb: '女',
      czrkmz: '崩龙族',
      czrkcsrq: '1949/12/31',
      czrkzxbs: '否',
      czrksjxgxsj: '20251201083000',
      czrkcsdgj: 'HKG',
    })
    expect(values).toMatchObject({
      idNumber: '11010519491231002X',
      name: '王 小样',
      sex: '2',
      ethnicity: '46',
      birthDate: '1949-12-31',
      cancelled: false,
      sourceUpdatedAt: '2025-12-01T00:30:00.000Z',
      birthCountry: '344',
    })
  })

  test('are ordered by the time in their row, and cancelled by their mark', async () => {
    const landed = await judgeChanged(residents, {
      czrkzxbs: 'Y',
      czrksjxgxsj: '20251201083000',
    })
    expect(landed).toMatchObject({
      status: 'cancelled',
      sourceUpdatedAt: '2025-12-01T00:30:00.000Z',
    })
  })
})

describe('capital', () => {
  test.each([
    ['100', '156', '100', '156'],
    ['100.500000', 'CNY', '100.5', '156'],
    ['1,000,000元', '人民币', '100', '156'],
    ['30(万美元)', '840', '30', '840'],
    ['5000000港元', '港币', '500', '344'],
  ])('of %s in %s is %s ten thousands of %s', async (ZCZB, BM_BZ, capital, currency) => {
    expect(await valuesOf(companies, { ZCZB, BM_BZ })).toMatchObject({ capital, currency })
  })

  test.each([
    ['100(万)', '100', '156'],
    ['1,200(万元人民币)', '1200', '156'],
    ['80万人民币', '80', '156'],
    ['30(万美元)', '30', '840'],
    ['20(万港币)', '20', '344'],
  ])('of a published registration %s is %s of %s', async (text, capital, currency) => {
    expect(await valuesOf(registry, { 注册资金: text })).toMatchObject({ capital, currency })
  })
})

describe('rights', () => {
  test('have areas without units, prices in 万元, and floors as numbers only where they are numbers', async () => {
    const cells = { JZMJ: '88.60平方米', FDCJYJG: '1,250,000元', SZC: '1-2', ZCS: '18' }
    const values = await valuesOf(rights, cells)
    expect(values).toMatchObject({ buildingArea: '88.6', tradePrice: '125', floorText: '1-2' })
    expect(values).toMatchObject({ floorCount: '18', floorCountText: '18' })
    expect(values).not.toHaveProperty('floor')
    expect(await valuesOf(rights, { SZC: '-1' })).toMatchObject({ floor: '-1' })
  })

  test.each([
    ['50%', '50'],
    ['1/2', '50'],
    ['33.333333', '33.333333'],
    ['共同共有', undefined],
  ])('a share of %s is %s percent, and kept as written', async (QLBL, share) => {
    const QLR = [{ QLRMC: '王样', QLBL, BDCQZH: '湘（2024）宁乡市不动产权第0000001号   ' }]
    const { holders } = await valuesOf(rights, { QLR })
    expect(holders).toEqual([
      {
        name: '王样',
        shareText: QLBL,
        certNo: '湘(2024)宁乡市不动产权第0000001号',
        ...(share === undefined ? {} : { share }),
      },
    ])
  })

  test.each([
    ['2', 'historical'],
    ['终止', 'historical'],
    ['现势', 'current'],
  ])('whose state is %s are %s', async (QSZT, status) => {
    expect(await judgeChanged(rights, { QSZT })).toMatchObject({ status })
  })
})

describe('permits', () => {
  test.each([
    '宁示审许〔2024〕12号',
    '宁示审许(2024)12号',
    ' 宁示审许［2024］ 12 号',
    '宁示审许【２０２４】12号',
  ])('of the decision %s are one family, whose number is the hub’s own form', async (XK_WSH) => {
    const { key, values } = await judgeChanged(permits, { XK_WSH })
    expect(values['documentNo']).toBe(normaliseDocumentNumber(XK_WSH))
    expect(key).toBe((await judgeChanged(permits, { XK_WSH: '宁示审许〔2024〕12号' })).key)
  })

  test('are named by authority, document, permit and holder, and by nothing that is added later', async () => {
    const [first] = await readSample(permits)
    const row = first?.row ?? {}
    const { key } = await judgeChanged(permits, {})
    const parts = [row['XK_XKJGDM'], row['XK_WSH'], row['XK_XKBH'], row['XK_XDR_SHXYM']]
    expect(key).toBe(parts.join('|'))
    const later = { XK_XDR_GSZC: '430124399900077', XK_XDR_ZZJG: 'M000100Y-4' }
    expect(
      pipelineOf(permits, 'lenient').map({ line: 1, row: { ...row, ...later } }),
    ).toMatchObject({
      values: { family: key },
    })
    expect((await judgeChanged(permits, { XK_XKBH: 'XK2' })).key).not.toBe(key)
  })

  test('take the legal representative’s number in the older and the newer form', async () => {
    const id = '11010519491231002X'
    const older = { XK_FR_SFZH: id, XK_FR_ZJLX: '', XK_FR_ZJHM: '' }
    const newer = { XK_FR_SFZH: '\\N', XK_FR_ZJLX: '居民身份证', XK_FR_ZJHM: id }
    for (const cells of [older, newer]) {
      expect((await valuesOf(permits, cells))['holders']).toMatchObject([
        { legalRepIdType: '身份证', legalRepIdNo: id },
      ])
    }
  })

  test('report no identity number as a code without translation', async () => {
    const pipeline = pipelineOf(permits)
    for (const line of await readSample(permits)) pipeline.map(line)
    expect(pipeline.mapping.unmapped()).toEqual([
      { field: 'holders.kind', value: '机器人', count: 1 },
    ])
  })
})

describe('licences', () => {
  test('of one type, issuer and serial are one family, whatever their version', async () => {
    const id = '1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0'
    expect(await judgeChanged(licences, { ZZBS: id })).toMatchObject({
      key: '11100000000013338W009|11330105002500287C|2025052201',
      values: { licenceId: id, serial: '2025052201', version: '002' },
    })
  })

  test('are deleted where the exchange table says so', async () => {
    expect(await judgeChanged(licences, { cd_operation: 'D' })).toMatchObject({
      operation: 'delete',
    })
  })

  test('keep each holder with its own code', async () => {
    const { holders } = await valuesOf(licences, {
      CZZT: '王样、李样',
      CZZTDM: '11010519491231002X；X00000017',
      CZZTDMLX: '公民身份号码，普通护照',
      CZZTDMLXDM: '111,414',
    })
    expect(holders).toEqual([
      { name: '王样', code: '11010519491231002X', codeTypeName: '公民身份号码', codeType: '111' },
      { name: '李样', code: 'X00000017', codeTypeName: '普通护照', codeType: '414' },
    ])
  })
})

/** Field → source, children's fields included. */
const writtenFields = (mapping: Mapping, fields: readonly Field[]): [Field, FieldSource][] => {
  const found = (sources: Record<string, FieldSource> | undefined, from: readonly Field[]) =>
    Object.entries(sources ?? {}).flatMap(([name, source]): [Field, FieldSource][] =>
      from.filter((field) => field.name === name).map((field) => [field, source]),
    )
  const lists = Object.entries(mapping.children ?? {}).flatMap(
    ([name, { zip, row, rows, fields: own }]) =>
      found(zip ?? row ?? rows ?? own, fields.find((field) => field.name === name)?.fields ?? []),
  )
  return [...found(mapping.fields, fields), ...lists]
}

/** The codes that the `code` steps of a source write. */
const codesWritten = (source: FieldSource): string[] =>
  typeof source === 'string'
    ? []
    : (source.steps ?? []).flatMap((step) =>
        typeof step === 'object' && 'code' in step ? Object.values(step.code) : [],
      )

test('every code that a mapping writes is one of its field’s table', () => {
  const checked: string[] = []
  for (const [id, { sources }] of adapters) {
    for (const { mapping, standard } of Object.values(sources)) {
      const fields = standards().get(standard)?.fields ?? []
      for (const [{ name, codeTable }, source] of writtenFields(mapping, fields)) {
        for (const code of codesWritten(source)) {
          const isListed = codeTable !== undefined && hasCode(codeTable, code)
          expect(isListed, `${id}: ${name} has no code ${code}`).toBe(true)
          checked.push(name)
        }
      }
    }
  }
  expect(new Set(checked)).toEqual(
    new Set([
      'sex',
      'status',
      'entityType',
      'registrationType',
      'regType',
      'shareKind',
      'kind',
      'legalRepIdType',
      'idType',
    ]),
  )
})
