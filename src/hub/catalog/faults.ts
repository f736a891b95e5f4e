import { Refusal, type RequestFault } from '../../shared/refusal.ts'

/** A fault of a request's body: pointer, stable code, Chinese and English words. */
export const fault = (pointer: string, code: string, message: string): RequestFault => ({
  pointer,
  code,
  message,
})

/** Throws all faults at once as `request-invalid`; nothing where there are none. */
export function refuseFaults(errors: readonly RequestFault[], detail: string): void {
  if (errors.length > 0) throw new Refusal('request-invalid', detail, { errors })
}

/** The one answer for what is not there and for what the caller may not know of (api, Take out). */
export const unknownResource = (id: string): Refusal =>
  new Refusal('not-found', `没有资源 ${id} / There is no resource ${id}`)

export const conflict = (detail: string, errors: readonly RequestFault[] = []): Refusal =>
  new Refusal('state-conflict', detail, { errors })
