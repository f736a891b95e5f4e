/**
 * Names of currencies as registries write them → numeric code (GB/T 12406, ISO 4217). Currencies that
 * are gone keep the code that they had last, since registrations from before 2002 still carry them.
 */
const names: Record<string, string> = {
  '156': '人民币元 人民币圆 人民币 RMB CNY ¥',
  '840': '美元 美圆 美金 USD US$',
  '344': '港元 港圆 港币 香港元 香港币 HKD HK$',
  '978': '欧元 EUR',
  '392': '日元 日圆 日币 JPY',
  '826': '英镑 GBP',
  '036': '澳元 澳大利亚元 澳币 AUD',
  '124': '加元 加拿大元 加币 CAD',
  '702': '新加坡元 新元 新加坡币 新币 坡币 SGD',
  '756': '瑞士法郎 瑞郎 CHF',
  '276': '德国马克 西德马克 马克 DEM',
  '250': '法国法郎 FRF',
  '056': '比利时法郎 BEF',
  '380': '意大利里拉 里拉 ITL',
  '528': '荷兰盾 NLG',
  '040': '奥地利先令 ATS',
  '246': '芬兰马克 FIM',
  '724': '西班牙比塞塔 ESP',
  '901': '新台币元 新台币 台币 台币元 TWD NTD',
  '410': '韩元 韩圆 韩国元 韩币 KRW',
  '446': '澳门元 澳门币 澳门圆 葡币 MOP',
  '764': '泰铢 泰国铢 THB',
  '458': '马来西亚林吉特 林吉特 马币 MYR',
  '643': '俄罗斯卢布 卢布 RUB',
  '554': '新西兰元 纽元 NZD',
  '356': '印度卢比 INR',
  '360': '印度尼西亚盾 印尼盾 印尼卢比 IDR',
  '608': '菲律宾比索 PHP',
  '704': '越南盾 VND',
  '208': '丹麦克朗 DKK',
  '578': '挪威克朗 NOK',
  '752': '瑞典克朗 SEK',
  '710': '南非兰特 兰特 ZAR',
  '784': '阿联酋迪拉姆 AED',
  '682': '沙特里亚尔 SAR',
  '398': '坚戈 KZT',
  '496': '图格里克 MNT',
  '792': '土耳其里拉 TRL',
  '949': '新土耳其里拉 TRY',
  '986': '巴西雷亚尔 BRL',
  '484': '墨西哥比索 MXN',
}

/** Currency name → numeric code. */
export const currencyCodes: ReadonlyMap<string, string> = new Map(
  Object.entries(names).flatMap(([code, list]) => list.split(' ').map((name) => [name, code])),
)

export const numericCurrencies: ReadonlySet<string> = new Set(Object.keys(names))

const escaped = (name: string): string => name.replace(/[$]/g, '\\$&')

/** Finds currency names, the longest first, so that 新台币 is not read as 台币 behind a 新. */
export const currencyWords = new RegExp(
  [...currencyCodes.keys()]
    .sort((a, b) => b.length - a.length)
    .map(escaped)
    .join('|'),
  'g',
)

/** Names that are a unit of count themselves: 100美元 are a hundred dollars, whatever the column's unit. */
export const isUnitName = (name: string): boolean =>
  /[元圆金镑克郎盾拉朗铢特布比索令塔戈尔姆$¥]/.test(name)
