import type { DepartmentDraft } from '../../../schemas/api/identity.ts'
import { identifierChecks } from '../../shared/identifiers/index.ts'
import { Refusal, type RequestFault } from '../../shared/refusal.ts'
import type { Stores } from '../database/stores.ts'

/**
 * What a schema cannot say of a department: its 统一社会信用代码 has a sound check digit (GB 32100), its
 * parent exists and is neither itself nor anything below it. All faults at once, as `request-invalid`.
 * Locks the tree until the transaction ends, so that two changes cannot close a circle together.
 */
export async function checkDepartment(
  { departments }: Stores,
  draft: DepartmentDraft,
  now: Date,
): Promise<void> {
  await departments.lockTree()
  const errors = [...codeFaults(draft.code, now), ...(await parentFaults(departments, draft))]
  if (errors.length > 0)
    throw new Refusal('request-invalid', '部门信息不合规 / The department is invalid', { errors })
}

function codeFaults(code: string | undefined, now: Date): RequestFault[] {
  if (code === undefined) return []
  const today = now.toISOString().slice(0, 10)
  const result = identifierChecks.uscc(code, today)
  // Only the stored form itself: what one department is called must not be written in two ways.
  if (result.code === undefined && result.value === code) return []
  const message =
    '统一社会信用代码无效,请核对 18 位编码与校验位 / Not a valid unified social credit code; check its digits'
  return [{ pointer: '/code', code: result.code ?? 'identifier-form', message }]
}

async function parentFaults(
  departments: Stores['departments'],
  { id, parent }: DepartmentDraft,
): Promise<RequestFault[]> {
  if (parent === undefined) return []
  const pointer = '/parent'
  if (parent === id || (await departments.isWithin(parent, id))) {
    const message =
      '上级不能是本部门或其下级 / The parent must not be the department itself or below it'
    return [{ pointer, code: 'parent-cycle', message }]
  }
  if (await departments.find(parent)) return []
  const message = `没有部门 ${parent} / There is no department ${parent}`
  return [{ pointer, code: 'department-unknown', message }]
}
