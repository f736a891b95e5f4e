/** Rights on the houses of the samples: their holders are residents and companies of the other samples. */
import type { Company } from './companies.ts'
import { withCases, type Cells, type Sample } from './hard-case.ts'
import { rowCount, type Person } from './residents.ts'
import { rightCases, type Owners } from './right-cases.ts'
import {
  alone,
  certificateOf,
  companyHolder,
  inChar50,
  personHolder,
  unitOf,
  type Share,
} from './right-holders.ts'
import { dayOf, padded, seeded, type Seeded } from './seeded.ts'

const houseCells = (random: Seeded): Cells => {
  const area = random.between(6000, 16_000)
  return {
    DYTDMJ: '\\N',
    FTTDMJ: random.between(500, 2000) / 100,
    GHYT: '11',
    FWXZ: random.pick(['0', '1', '6']),
    FWJG: '3',
    SZC: random.pick(['3', '12', '-1', '1-2', '地下一层']),
    ZCS: random.pick(['18', '33', '6', '18/2']),
    JZMJ: area / 100,
    ZYJZMJ: `${(area * 0.008).toFixed(2)}㎡`,
    FTJZMJ: `${(area * 0.002).toFixed(2)}平方米`,
    FDCJYJG: random.pick(['86.5000', '1,250,000元', '120万元', '']),
  }
}

const nothing: Cells = { FJ: '/', QSZT: '1', ZXSJ: '1899-12-31', DYAQ: [], CFDJ: [] }

function rightCells(
  random: Seeded,
  serial: number,
  holderOf: (rightId: string, share: Share) => Cells,
): Cells {
  const rightId = `R430182${padded(serial, 8)}`
  const built = random.between(1999, 2020)
  const registered = dayOf(random, random.between(built + 1, 2024))
  return {
    QLID: rightId,
    BDCDYH: unitOf(serial),
    YWH: `2024${padded(serial, 8)}`,
    QLLX: '4',
    DJLX: random.pick(['100', '首次登记', '300']),
    DJYY: '合法建造',
    FDZL: `宁乡市示例街道样板路${random.between(1, 300)}号${padded(serial, 3)}室`,
    TDSYQR: '',
    TDSYQSSJ: `${built}0301`,
    TDSYJSSJ: `${built + 70}-03-01`,
    ...houseCells(random),
    JGSJ: `${built}/6/1`,
    BDCQZH: inChar50(certificateOf(serial)),
    DJJG: '宁乡市自然资源局',
    DJSJ: registered,
    ...nothing,
    GXSJ: `2025-12-${padded(random.between(1, 28), 2)} 10:00:00`,
    QLR: [holderOf(rightId, alone(certificateOf(serial)))],
  }
}

/** The sample; of the ordinary rights one in ten is a company's. */
export function makeRights(people: readonly Person[], companies: readonly Company[]): Sample {
  const random = seeded(1_066)
  const ordinary = Array.from({ length: rowCount }, (_, index) => {
    const [person, company] = [random.pick(people), random.pick(companies)]
    return rightCells(random, index + 1, (rightId, share) =>
      index % 10 === 9
        ? companyHolder(rightId, company, share)
        : personHolder(rightId, person, share),
    )
  })
  const [first, second, third] = people
  const [company] = companies
  if (!first || !second || !third || !company)
    throw new Error('Rights need three people and a company')
  const owners: Owners = { people: [first, second, third], company }
  return withCases(ordinary, rightCases(owners, ordinary), 1)
}
