import type { FoundLook } from './search.ts'
import type { AuditOutcome } from './facts.ts'

export type Language = 'both' | 'zh' | 'en'

/** A sentence in both languages. */
export type Said = readonly [zh: string, en: string]

/** Chinese first, English beside it, or one of the two. */
export const say = ([zh, en]: Said, language: Language): string =>
  language === 'both' ? `${zh} / ${en}` : language === 'zh' ? zh : en

/** Names of departments and systems as people know them. */
export interface Names {
  departments: ReadonlyMap<string, string>
  systems: ReadonlyMap<string, string>
}

/** One look, as the person is told: which body, never which clerk, and nothing internal but the receipt. */
export interface ToldLook {
  when: string
  department: string
  system: string
  purpose: string
  how: string
  outcome: string
  receipt: string
}

export const lookHeadings: Record<keyof ToldLook, Said> = {
  when: ['时间(北京时间)', 'when (Beijing time)'],
  department: ['部门', 'department'],
  system: ['系统', 'system'],
  purpose: ['办理事项', 'for what item'],
  how: ['方式', 'how'],
  outcome: ['结果', 'outcome'],
  receipt: ['回执编号', 'receipt'],
}

const outcomes: Record<AuditOutcome, Said> = {
  allowed: ['已提供', 'given'],
  denied: ['已拒绝,未提供', 'refused, nothing given'],
  absent: ['未查到,未提供', 'not found, nothing given'],
  failed: ['出错,未提供', 'failed, nothing given'],
}

const unknownOutcome: Said = ['不详', 'unknown']
const isOutcome = (text: string): text is AuditOutcome => Object.hasOwn(outcomes, text)

/** A verification answers that claims match or do not: given is then the yes or no alone. */
const verified: Said = ['仅核对,未显示内容', 'compared only, no content shown']
const ranged: Said = ['批量变更中包含', 'within a batch of changes']
const shown: Said = ['查询', 'looked up']
const confirmed: Said = ['已答复是否一致', 'told whether it matches']

const howOf = ({ operation, via }: FoundLook['entry']): Said =>
  operation === 'records.verify' ? verified : via === 'range' ? ranged : shown

function outcomeOf({ operation, outcome }: FoundLook['entry']): Said {
  if (operation === 'records.verify' && outcome === 'allowed') return confirmed
  return isOutcome(outcome) ? outcomes[outcome] : unknownOutcome
}

const inShanghai = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'Asia/Shanghai',
  dateStyle: 'short',
  timeStyle: 'medium',
})

/** `2026-01-01 08:10:23`, in Beijing time. */
export const beijingTime = (instant: string): string => inShanghai.format(new Date(instant))

export function tellLook({ entry }: FoundLook, names: Names, language: Language): ToldLook {
  const { department, system } = entry
  return {
    when: beijingTime(entry.readyAt),
    department: department === null ? '—' : (names.departments.get(department) ?? '—'),
    system: system === null ? '—' : (names.systems.get(system) ?? '—'),
    purpose: entry.purpose ?? '—',
    how: say(howOf(entry), language),
    outcome: say(outcomeOf(entry), language),
    receipt: entry.id,
  }
}

export interface ReportHead {
  title: string
  madeAt: string
  /** The oldest entry's instant; null where the log is empty. */
  reachesBackTo: string | null
  lookCount: number
  isCut: boolean
}

export const reportTitle: Said = ['我的数据被谁查过', 'Who looked at my data']

/** What the reader must know before the table: how far back it goes, and what its words mean. */
export function headLines(head: ReportHead, language: Language): string[] {
  const since = head.reachesBackTo === null ? '—' : beijingTime(head.reachesBackTo)
  const lines: Said[] = [
    [`数据资源:${head.title}`, `Data resource: ${head.title}`],
    [
      `生成时间:${beijingTime(head.madeAt)}(北京时间)`,
      `Made at ${beijingTime(head.madeAt)} (Beijing time)`,
    ],
    [
      `在线日志可追溯至:${since}。更早的记录在归档中,可另行申请查询。`,
      `The log at hand reaches back to ${since}. Older entries are in the archive and can be asked for.`,
    ],
    [
      '“批量变更中包含”指:某部门按授权批量取得了这一批数据的变更,您的记录在这批之内,并非单独查询您。',
      '“Within a batch of changes” means: a department took a batch of changes as granted, and your record was in it; nobody asked for you alone.',
    ],
    [
      '“仅核对”指:对方提交内容,系统只答复是否一致,不显示您的数据。被拒绝与未查到的查询也列出。',
      '“Compared only” means: the other side submitted values and was told whether they match; your data was not shown. Refused and empty look-ups are listed too.',
    ],
    [`共 ${head.lookCount} 条。`, `${head.lookCount} in all.`],
  ]
  if (head.isCut) {
    lines.push([
      `仅列出最近 ${head.lookCount} 条,其余请向数据主管部门申请。`,
      `Only the latest ${head.lookCount} are listed; ask the data bureau for the others.`,
    ])
  }
  return lines.map((line) => say(line, language))
}
