import { Refusal } from '../../shared/refusal.ts'
import type { Stores } from '../database/stores.ts'

/** A department that a body names must exist; else `request-invalid`, with where it stands. */
export async function checkKnownDepartment({ departments }: Stores, id: string): Promise<void> {
  if (await departments.find(id)) return
  const message = `没有部门 ${id},请先登记 / There is no department ${id}; register it first`
  throw new Refusal('request-invalid', message, {
    errors: [{ pointer: '/department', code: 'department-unknown', message }],
  })
}
