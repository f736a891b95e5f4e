// Runs a script or an installed command on Node 24, whatever Node the machine has.
//
//   node scripts/run.mjs scripts/start.ts [arguments]   a TypeScript file, run natively
//   node scripts/run.mjs vitest run                     a command out of node_modules/.bin
//
// The Node on PATH serves when it is 24 or newer. Otherwise Node 24 is fetched from npm once, as an
// ordinary package, into the git-ignored .toolchain/. Plain JavaScript: it must run on Node 20.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const nodeMajor = 24
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
// Left to itself the collector lets the old generation grow to several times what is in use: a push takes 100 MiB
// more then (`npm run bench -- ingest-memory`). A part of what that saves goes to the young one, where calls live.
const nodeFlags = JSON.parse(readFileSync(join(root, 'scripts/node-flags.json'), 'utf8'))
const executable = process.platform === 'win32' ? 'node.exe' : 'node'

function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= nodeMajor) return process.execPath
  const kept = join(root, '.toolchain', `node-${nodeMajor}`, 'bin', executable)
  if (!existsSync(kept)) fetchNode(kept)
  return kept
}

/** Installs beside the final place and renames, so that a broken download is never taken for a Node. */
function fetchNode(kept) {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const staging = join(root, '.toolchain', `fetching-${process.pid}`)
  console.error(
    `本机 Node 为 ${process.version},正在从 npm 获取 Node ${nodeMajor}(仅一次)… ` +
      `/ This machine has Node ${process.version}; fetching Node ${nodeMajor} from npm, once …`,
  )
  mkdirSync(staging, { recursive: true })
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const done = spawnSync(
    npm,
    [
      'install',
      '--prefix',
      staging,
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      `${name}@${nodeMajor}`,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'], cwd: staging, shell: process.platform === 'win32' },
  )
  const fetched = join(staging, 'node_modules', name)
  if (done.status !== 0 || !existsSync(join(fetched, 'bin', executable))) {
    rmSync(staging, { recursive: true, force: true })
    console.error(
      `无法从 npm 获取 ${name}@${nodeMajor};请自行安装 Node ${nodeMajor} 后重试。 ` +
        `/ Could not fetch ${name}@${nodeMajor} from npm; install Node ${nodeMajor} yourself and try again.`,
    )
    process.exit(1)
  }
  try {
    renameSync(fetched, dirname(dirname(kept)))
  } catch (error) {
    if (!existsSync(kept)) throw error // else another process fetched it meanwhile
  }
  rmSync(staging, { recursive: true, force: true })
}

/** The JavaScript file behind a command of node_modules/.bin, or the file itself. */
function findScript(command) {
  if (/\.(ts|mts|mjs|js)$/.test(command)) return resolve(root, command)
  const packageName = command === 'tsc' ? 'typescript' : command
  const folder = join(root, 'node_modules', packageName)
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return join(folder, typeof bin === 'string' ? bin : bin[command])
}

const [command, ...rest] = process.argv.slice(2)
if (!command) {
  console.error('usage: node scripts/run.mjs <script.ts | command> [arguments]')
  process.exit(2)
}
const node = findNode()
const child = spawn(node, [...nodeFlags, findScript(command), ...rest], {
  stdio: 'inherit',
  env: {
    // Compiled code is kept beside Node: the next start is quicker, and the hub 7 MiB smaller.
    NODE_COMPILE_CACHE: join(root, '.toolchain', 'compile-cache'),
    ...process.env,
    // Children of the child (workers, test servers) must find the same Node first.
    PATH: dirname(node) + delimiter + (process.env.PATH ?? ''),
  },
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => child.kill(signal))
}
child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 1)))
