/** The people of the samples: households of an invented neighbourhood, and the awkward ones at the end. */
import { withCases, type Cells, type Sample } from './hard-case.ts'
import { citizenId } from './invented-numbers.ts'
import { residentCases } from './resident-cases.ts'
import { dayOf, padded, seeded, type Seeded } from './seeded.ts'

export const rowCount = 200
const surnames = '王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林 何 郭 马 罗'.split(' ')
const givenNames =
  '雨桐 子墨 明远 思齐 若溪 建国 秀兰 志强 晓燕 文博 佳怡 海涛 静怡 国栋 春梅 立新'.split(' ')
const streets = ['样板路', '示例街', '试点巷', '模拟大道'] as const

/** 宁乡 was a county (430124) until 2017: most people's numbers carry the abolished code. */
const placeOf = (birthday: string): string => (birthday < '20171101' ? '430124' : '430182')

/** What the other samples need of a person. */
export interface Person {
  name: string
  idNumber: string
  isMan: boolean
  address: string
}

interface Member {
  isMan: boolean
  year: number
  relation: string
  surname: string
}

const membersOf = (random: Seeded): Member[] => {
  const surname = random.pick(surnames)
  const year = random.between(1952, 1994)
  const isMan = !random.oneIn(3)
  const head = { isMan, year, relation: '02', surname }
  const spouse = {
    isMan: !isMan,
    year: year + 1,
    relation: isMan ? '12' : '11',
    surname: random.pick(surnames),
  }
  const isBoy = random.oneIn(2)
  const child = { isMan: isBoy, year: year + 26, relation: isBoy ? '20' : '30', surname }
  return random.oneIn(4) ? [head] : random.oneIn(3) ? [head, spouse] : [head, spouse, child]
}

interface Household {
  serial: number
  street: (typeof streets)[number]
  address: string
}

const householdOf = (random: Seeded, serial: number): Household => {
  const street = random.pick(streets)
  const house = `${random.between(1, 88)}号${random.between(1, 9)}栋${random.between(1, 18)}0${random.between(1, 4)}室`
  return { serial, street, address: `湖南省宁乡市示例街道${street}${house}` }
}

/** The cells that do not depend on whose they are: empty, in the ways in which sources write nothing. */
const nothing: Cells = {
  czrkcym: '',
  czrkbyzk: '\\N',
  czrkswrq: '1899-12-31',
  czrkswzxlb: '',
  czrkqcrq: '18991231',
  czrkqczxlb: '/',
  czrkzxbs: '0',
  czrkzxrq: '',
  zjlxdm: '111',
  wzhmyy: '',
  cyhm: '',
  gjdm: 'CHN',
  rklb: '1',
}

const homeCells = ({ serial, street, address }: Household): Cells => ({
  czrkssssxq: '430182',
  czrkzz: address,
  czrkhh: `430182${padded(serial, 6)}`,
  czrkhhid: `H430182${padded(serial, 8)}`,
  czrkhlx: '10',
  czrkxzjd: '430182991',
  czrkjwh: '430182991001',
  czrkjwhmc: '示例社区居民委员会',
  czrkjlx: `4301829910${streets.indexOf(street)}`,
  czrkjlxmc: street,
  czrkpcsjgdm: '430182990000',
  czrkpcsmc: '宁乡市公安局示例派出所',
})

function personCells(random: Seeded, member: Member, serial: number): Cells {
  const birthday = dayOf(random, member.year)
  const place = placeOf(birthday)
  const isGrown = member.year < 2003
  return {
    czrkgmsfhm: citizenId(place, birthday, { isMan: member.isMan, serial: serial % 50 }),
    czrkxm: member.surname + random.pick(givenNames),
    czrkxb: random.oneIn(6) ? (member.isMan ? '男' : '女') : member.isMan ? '1' : '2',
    czrkmz: random.oneIn(9) ? random.pick(['土家族', '苗族', '侗族', '瑶族']) : '汉族',
    czrkcsrq: birthday,
    czrkcsdgj: 'CHN',
    czrkcsdssx: place,
    czrkjggj: '156',
    czrkjgssx: '430124',
    czrkwhcd: isGrown ? random.pick(['21', '31', '61', '71']) : '81',
    czrkhyzk: isGrown ? '20' : '10',
    czrkyhzgx: member.relation,
    xpurl: `xp/${padded(serial, 8)}.jpg`,
    czrksjxgxsj: `202512${padded(random.between(1, 28), 2)}0${random.between(1, 9)}3000`,
    czrkrkid: `P430182${padded(serial, 8)}`,
  }
}

function ordinaryPeople(random: Seeded): Cells[] {
  const rows: Cells[] = []
  for (let serial = 1; rows.length < rowCount; serial += 1) {
    const home = homeCells(householdOf(random, serial))
    for (const member of membersOf(random)) {
      if (rows.length === rowCount) break
      rows.push({ ...nothing, ...personCells(random, member, rows.length + 1), ...home })
    }
  }
  return rows
}

const firstLine = 2

/** The sample, and the grown-up people without a fault whom the other samples may name. */
export function makeResidents(): Sample & { people: Person[] } {
  const ordinary = ordinaryPeople(seeded(430_182))
  const drafts = residentCases(ordinary)
  const people = ordinary
    .slice(0, rowCount - drafts.length)
    .filter((row) => String(row['czrkcsrq']) < '20030101')
  return { ...withCases(ordinary, drafts, firstLine), people: people.map(personOf) }
}

const personOf = (row: Cells): Person => ({
  name: String(row['czrkxm']),
  idNumber: String(row['czrkgmsfhm']),
  isMan: ['1', '男'].includes(String(row['czrkxb'])),
  address: String(row['czrkzz']),
})
