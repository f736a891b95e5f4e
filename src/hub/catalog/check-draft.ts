import {
  categoryItems,
  formats,
  otherFormatTypes,
  type SharedAs,
} from '../../../schemas/api/resource-domains.ts'
import type { ResourceDraft } from '../../../schemas/api/resources.ts'
import type { RequestFault } from '../../shared/refusal.ts'
import { fault } from './faults.ts'

/** The code's front part: 类 + 项 + 目 + 细目 (standards §1.2). */
export const codePrefix = ({ category }: Pick<ResourceDraft, 'category'>): string =>
  category.class + category.item + category.topic + (category.detail ?? '')

/** The rules between a draft's parts, its fields apart (standards §1.1–1.5). */
export const draftFaults = (draft: ResourceDraft): RequestFault[] => [
  ...categoryFaults(draft),
  ...formatFaults(draft),
  ...shareFaults(draft),
  ...methodFaults(draft),
]

function categoryFaults(draft: ResourceDraft): RequestFault[] {
  const { category, code } = draft
  const faults: RequestFault[] = []
  const items = categoryItems[category.class] ?? {}
  if (items[category.item] === undefined) {
    const known = Object.keys(items).join(' ')
    const message = `类 ${category.class} 没有项 ${category.item},可用: ${known} / The class has no such item; it has ${known}`
    faults.push(fault('/category/item', 'enum', message))
  }
  if (code !== undefined && code.split('/', 1)[0] !== codePrefix(draft)) {
    const message = `代码前段须与分类一致(${codePrefix(draft)}/…) / The code must begin with its category (${codePrefix(draft)}/…)`
    faults.push(fault('/code', 'code-category', message))
  }
  return faults
}

const folded = (text: string): string => text.normalize('NFKC').replace(/\s+/gu, '').toLowerCase()

function formatFaults({ format }: ResourceDraft): RequestFault[] {
  const { types } = formats[format.class]
  if (format.type === undefined || types === null) return []
  const type = folded(format.type)
  if (types.some((known) => folded(known) === type)) return []
  if (otherFormatTypes.includes(type)) {
    if (format.note !== undefined && format.note.trim() !== '') return []
    const message = '类型为“其他”时须在补充说明中写明 / Describe the other format in `note`'
    return [fault('/format/note', 'required', message)]
  }
  const message = `格式类型不属于此格式分类,可用: ${types.join('、')};否则填“其他”并补充说明 / The type does not belong to the class; else give 其他 and a note`
  return [fault('/format/type', 'enum', message)]
}

/** Article 15: conditional sharing lists scope and use; refusing names reason and legal basis. */
function shareFaults({ share }: ResourceDraft): RequestFault[] {
  if (share.type === 'not-shared') return refusalFaults(share.refusal)
  const faults: RequestFault[] = []
  if (share.refusal !== undefined) {
    const message =
      '只有不予共享的资源才写不予共享依据 / Only a resource that is not shared gives a refusal'
    faults.push(fault('/share/refusal', 'refusal-unexpected', message))
  }
  if (share.type === 'unconditional') return faults
  for (const [name, title] of [
    ['scope', '共享范围'],
    ['use', '使用用途'],
  ] as const) {
    if (share[name] !== undefined && share[name].trim() !== '') continue
    const message = `有条件共享须列明${title}(条例第十五条) / Conditional sharing must state its ${name} (art. 15)`
    faults.push(fault(`/share/${name}`, 'required', message))
  }
  return faults
}

function refusalFaults(refusal: ResourceDraft['share']['refusal']): RequestFault[] {
  if (refusal === undefined) {
    const message =
      '不予共享须写明理由与法律、行政法规或国务院决定的条款(条例第十四、十五条) / Not sharing needs a reason and its legal basis (art. 14, 15)'
    return [fault('/share/refusal', 'required', message)]
  }
  if (namesLaw(refusal.instrument)) return []
  const message =
    '依据须为法律、行政法规或国务院决定,部门文件与地方规定不是依据 / The instrument must be a law, an administrative regulation or a State Council decision'
  return [fault('/share/refusal/instrument', 'legal-basis', message)]
}

/** 法 that ends a law's name: neither 办法, 方法 and the like, nor 法律, 法院. */
const law = /(?<![办方做书用语司立执])法(?:典)?(?![律规制院官定治])|宪法/u
const regulation = /条例|国务院(?:令|决定|关于)|国令第|国务院.*(?:决定|规定|办法|命令)/u
/** Regulations of a province or city are no administrative regulations, which only the State Council makes. */
const local =
  /^[《〈「"]?(?!中华人民共和国)\p{Script=Han}{2,8}?(?:省|市|自治区|自治州|自治县)(?!.*国务院)/u
const english = /\b(?:law|state council|administrative regulations?)\b/iu

const namesLaw = (instrument: string): boolean => {
  const name = instrument.normalize('NFKC').trim()
  if (english.test(name)) return true
  if (law.test(name)) return true
  return regulation.test(name) && !local.test(name)
}

function methodFaults({ share, format }: ResourceDraft): RequestFault[] {
  const { sharedAs } = formats[format.class]
  return (share.methods ?? []).flatMap(({ channel, type }, index): RequestFault[] => {
    const pointer = `/share/methods/${index}/type`
    if (type === undefined) return []
    if (channel !== 'platform') {
      const message = '共享方式类型只用于共享平台方式 / Only the platform channel has a type'
      return [fault(pointer, 'method-channel', message)]
    }
    return sharedAs.includes(type) ? [] : [fault(pointer, 'method-format', methodMessage(sharedAs))]
  })
}

const methodNames: Record<SharedAs, string> = {
  database: '数据库',
  interface: '接口',
  file: '文件',
}

const methodMessage = (sharedAs: readonly SharedAs[]): string =>
  `此格式只能以${sharedAs.map((type) => methodNames[type]).join('或')}方式共享 / This format is shared as ${sharedAs.join(' or ')}`
