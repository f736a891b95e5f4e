import { Refusal } from '../../shared/refusal.ts'
import type { DenyCode } from './decide.ts'

/** What each denial says to whoever is turned away, a call or a delivery. */
const denials = {
  'grant-missing':
    '没有此资源此操作的共享授权,请先提交共享申请 / No grant for this operation on this resource; file an application',
  'grant-suspended': '共享授权已中止,请联系数据局 / The grant is suspended; ask the data bureau',
  'grant-expired': '共享授权已到期,请重新申请 / The grant has expired; apply anew',
  'purpose-required': '须在 X-Purpose 或 context.purpose 中说明事项编码 / Say the purpose',
  'purpose-not-granted': '此事项编码不在授权范围内 / This purpose is not in the grant',
  'operator-required': '须在 X-Operator 或 context.operator 中说明经办人 / Say the operator',
  'case-number-required':
    '须在 X-Case-Number 或 context.caseNumber 中提供办件编号 / Give the case number',
  'field-not-granted':
    '所要的信息项未授权,或作为条件、核验项时已脱敏 / A field is not granted, or masked where it is claimed or filtered by',
} as const satisfies Record<DenyCode, string>

export const deniedAs = (code: DenyCode): Refusal => new Refusal(code, denials[code])
