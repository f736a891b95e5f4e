import { Refusal } from '../../shared/refusal.ts'

/** Disk full, quota, input/output errors, too many open files: another try may do better. */
const passing = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'EAGAIN', 'ESTALE'])
/** Somebody has to put the folder right first. */
const lasting = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'EEXIST',
  'ENOTDIR',
  'EISDIR',
  'ENAMETOOLONG',
  'ELOOP',
])

/** What the file system says becomes a Refusal; everything else passes. */
export async function tellFileErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw refusalOf(error)
  }
}

function refusalOf(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string')
    return error
  if (error instanceof Refusal) return error
  const { code } = error
  if (passing.has(code))
    return new Refusal(
      'unavailable',
      `暂时无法写入文件(${code}) / The file cannot be written now`,
      {
        cause: error,
      },
    )
  if (!lasting.has(code)) return error
  return new Refusal(
    'state-conflict',
    `无法写入文件目录(${code}),请检查目录与权限 / The folder cannot be written to; check it and its rights`,
    { cause: error },
  )
}
