import { writeFileSync } from 'node:fs'
import { type BenchArguments, readArguments } from './arguments.ts'
import { foundCity } from './city.ts'
import { endPrograms } from './hub-process.ts'
import { families, measurementNames } from './measurements.ts'
import { type Results, tableOf } from './results.ts'

const help = `用法 / usage: npm run bench [-- 项目 names…] [--rows N] [--records N] [--resources N] [--seconds N]

在一个临时的枢纽上并排测量,打印对照表,写入 bench.json;是否达标不影响退出码。
Measures side by side on one temporary hub, prints a table and writes bench.json. Exits 0 whether or not
targets are met, and with 1 when something broke.

  项目 / names   ${measurementNames.join(' ')}
                 不给则全部 / all when none is given
  --rows         一次装载的行数 / rows of one load (1000000)
  --records      读取、核验、变更用的记录数 / records that are read and followed (100000)
  --resources    目录检索用的资源数 / resources in the catalog that is searched (10000)
  --seconds      每一轮的秒数 / length of one round (5)
`

const say = (text: string): void => void process.stderr.write(`${text}\n`)

/** A terminal and the launcher may both pass a signal on: twice is once. */
const stopped = Promise.withResolvers<never>()
stopped.promise.catch(() => undefined)
class Stopped extends Error {}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => stopped.reject(new Stopped(signal)))
}

/** Measures what was asked for on one hub; results are added as they come. */
async function measure({ names, options }: BenchArguments, results: Results): Promise<void> {
  const wanted = new Set(names)
  const asked = families.filter((family) => family.names.some((name) => wanted.has(name)))
  say('启动枢纽与数据库… / Starting a hub and its database …')
  const founding = foundCity(options)
  try {
    const city = await Promise.race([founding, stopped.promise])
    for (const family of asked) {
      say(`测量 / measuring: ${family.names.filter((name) => wanted.has(name)).join(', ')} …`)
      const measuring = family.measure(city, wanted)
      const found = await Promise.race([measuring, city.hub.ended, stopped.promise])
      for (const [name, result] of Object.entries(found)) {
        results[name] = result
        say(`  ${name}: ${result.value.toFixed(1)} ${result.unit}`)
      }
    }
  } finally {
    await endPrograms()
    // A hub that was still starting when the signal came has a folder too.
    await (await founding.catch(() => undefined))?.close()
  }
}

async function main(): Promise<number> {
  const asked = readArguments(process.argv.slice(2), measurementNames)
  if (asked.isHelp) {
    process.stdout.write(help)
    return 0
  }
  const results: Results = {}
  try {
    await measure(asked, results)
  } finally {
    writeFileSync('bench.json', `${JSON.stringify(results, null, 2)}\n`)
    process.stdout.write(`${tableOf(results)}\n`)
  }
  return 0
}

try {
  process.exit(await main())
} catch (error) {
  if (error instanceof Stopped) {
    say('已中断 / Stopped')
    process.exit(130)
  }
  say(error instanceof Error ? (error.stack ?? error.message) : String(error))
  process.exit(1)
}
