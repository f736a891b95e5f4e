import type { Fault } from '../types.ts'
import { faultOf, isLost, isObject, type Check } from './findings.ts'

/** The codes that a body may have, any of which will do (行政相对人代码_1 to _6). */
const bodyCodes = ['uscc', 'regNo', 'orgCode', 'taxNo', 'institutionNo', 'socialOrgNo']

/** What only a body has: the row of a natural person leaves all of it empty. */
const bodyFields = [...bodyCodes, 'legalRep', 'legalRepIdType', 'legalRepIdNo']

type Has = (field: string) => boolean

/** What each kind of holder shows and leaves out, by the words of the permit publication (发改办财金〔2018〕424号). */
const fitsKind: ReadonlyMap<unknown, (has: Has) => boolean> = new Map([
  ['法人及非法人组织', (has: Has) => bodyCodes.some(has) && has('legalRep')],
  ['自然人', (has: Has) => has('idType') && has('idNumber') && !bodyFields.some(has)],
  ['个体工商户', (has: Has) => bodyCodes.some(has)],
])

/** A value that came but could not be stored was given nonetheless, such as a masked number. */
const fits = (
  holder: Readonly<Record<string, unknown>>,
  path: string,
  findings: readonly Fault[],
) => {
  const test = fitsKind.get(holder['kind'])
  if (!test) return true
  return test((field) => holder[field] !== undefined || isLost(findings, `${path}.${field}`))
}

/**
 * The codes and names of each holder fit its kind. `fields` are the kind of licence and the child list
 * of holders; only published permits say what kind of holder they have.
 */
export const holderKind =
  ([licenceKind = '', holders = '']: readonly string[]): Check =>
  (values, findings) => {
    const children = values[holders]
    const kind = values[licenceKind]
    if (!Array.isArray(children) || (kind !== undefined && kind !== 'permit')) return
    for (const holder of children) {
      if (!isObject(holder) || fits(holder, holders, findings)) continue
      findings.push(faultOf(`${holders}.kind`, 'cross-holder', holder['kind']))
    }
  }
