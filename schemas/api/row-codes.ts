/**
 * What can be wrong with a row: one stable code each, with what to do about it in Chinese and English.
 * Whether a fault rejects the row or flags the record is decided in `src/exchange/checks/judge.ts` alone.
 */
export const rowCodes = {
  'not-json': {
    zh: '该行不是有效的 JSON 对象,请检查引号、逗号与换行',
    en: 'The line is not a JSON object; check quotes, commas and line breaks',
  },
  'not-csv': {
    zh: '该行列数或引号不符合 CSV,请检查引号与列数',
    en: 'The line is not proper CSV; check its quotes and its number of cells',
  },
  encoding: {
    zh: '该行不是有效的 UTF-8 或 GB18030 编码,请按原编码重新导出',
    en: 'The line is neither valid UTF-8 nor GB18030; export it again in one of them',
  },
  'row-too-large': {
    zh: '该行超过长度上限,请拆分或精简',
    en: 'The row is longer than allowed; shorten it',
  },
  'row-too-deep': { zh: '该行嵌套过深,请展平', en: 'The row is nested too deeply; flatten it' },
  'cell-too-large': { zh: '单元格超过长度上限', en: 'A cell is longer than allowed' },
  'char-not-storable': {
    zh: '含有无法存储的字符(如 NUL),请清除',
    en: 'A character cannot be stored (such as NUL); remove it',
  },
  'char-private-use': {
    zh: '含有私用区字符,可能是生僻字的旧编码,请换成正式编码',
    en: 'A private-use character, perhaps an old encoding of a rare one; replace it',
  },
  'char-lossy': {
    zh: '含有疑似转码丢失的“?”,请按原字补正',
    en: 'A “?” that looks lost in conversion; restore the original character',
  },
  'field-unknown': {
    zh: '资源没有此信息项,请删除该列或修改映射',
    en: 'The resource has no such field; drop it or change the mapping',
  },
  'field-missing': { zh: '应有的信息项为空,请补齐', en: 'An expected field is empty; fill it in' },
  required: { zh: '必填信息项为空,请补齐', en: 'A required field is empty; fill it in' },
  type: {
    zh: '值的类型不对,请按信息项的数据类型填写',
    en: 'The value is of the wrong type; give it as the field’s type',
  },
  length: {
    zh: '值过长,请核对或申请扩展长度',
    en: 'The value is too long; check it, or ask for a wider field',
  },
  precision: {
    zh: '数值位数超出范围,请核对单位与小数位',
    en: 'The number has too many digits; check its unit and decimals',
  },
  'date-invalid': { zh: '不是有效的日期,请核对', en: 'Not a date of the calendar; check it' },
  'date-future': { zh: '日期晚于今天,请核对', en: 'The date lies in the future; check it' },
  'code-unknown': {
    zh: '码表中没有此代码,请使用码表中的值或补充对照',
    en: 'The code table has no such code; use one of its values or add a translation',
  },
  'amount-invalid': {
    zh: '无法识别的金额,请写成“100万元”或数字',
    en: 'The amount cannot be read; write it as a number or like 100万元',
  },
  'division-unknown': {
    zh: '行政区划代码从未存在过,请核对',
    en: 'The division code has never existed; check it',
  },
  'identifier-form': {
    zh: '证件号码或代码的格式不对,请核对位数与字符',
    en: 'The identifier has the wrong form; check its length and characters',
  },
  'identifier-check-digit': {
    zh: '校验码不符,请核对号码',
    en: 'The check digit does not match; check the number',
  },
  'identifier-date': {
    zh: '号码中的出生日期无效,请核对',
    en: 'The birth date within the number is not a date; check the number',
  },
  'identifier-masked': {
    zh: '号码已被遮盖(含 *),请提供完整号码或留空',
    en: 'The number is masked (*); give it whole, or leave it empty',
  },
  'identifier-organisation': {
    zh: '内嵌的组织机构代码校验不符',
    en: 'The organisation code within the number fails its own check',
  },
  'cross-sex': {
    zh: '性别与身份号码第17位不符',
    en: 'The sex does not match the 17th digit of the identity number',
  },
  'cross-birth-date': {
    zh: '出生日期与身份号码不符',
    en: 'The birth date does not match the identity number',
  },
  'cross-period': { zh: '起始日期晚于截止日期', en: 'The period starts after it ends' },
  'cross-holder': {
    zh: '相对人类别与所填代码、姓名不一致',
    en: 'The holder’s kind does not fit the codes and names given',
  },
  'cross-unit-right': {
    zh: '不动产单元号的特征码与权利类型不一致',
    en: 'The unit’s feature code does not fit the kind of right',
  },
  'unit-not-placed': {
    zh: '尚未落宗(无不动产单元号)',
    en: 'Not yet placed on a unit (no unit number)',
  },
  'current-rights-overlap': {
    zh: '同一单元的现势权利份额之和超过整体',
    en: 'Shares of current rights on the unit exceed the whole',
  },
  'children-length': {
    zh: '并列的多个列表长度不一致,请逐一对应',
    en: 'Parallel lists are of unequal length; give one entry for each',
  },
  'children-too-many': { zh: '子项过多', en: 'Too many children' },
  'key-missing': {
    zh: '没有可用的主键,请补上来源主键',
    en: 'The row has no merge key; give the source’s primary key',
  },
  'key-too-long': { zh: '主键过长', en: 'The merge key is too long' },
  'key-shared': {
    zh: '不同记录使用了同一号码,请核实',
    en: 'Different records carry one identifier; find out which is right',
  },
  'provider-mismatch': { zh: '该行属于其他提供部门', en: 'The row belongs to another provider' },
  'operation-unknown': {
    zh: '操作标识无法识别,请使用 I/U/D 等约定值',
    en: 'The operation is not known; use the agreed values, such as I/U/D',
  },
  'newer-version-refused': {
    zh: '更新的版本被拒收,现存记录可能已过时',
    en: 'A newer version was refused; this record may be out of date',
  },
} as const satisfies Record<string, { zh: string; en: string }>

export type RowCode = keyof typeof rowCodes

/** A fault's message as people read it: Chinese first, English beside it. */
export const rowMessage = (code: RowCode): string => `${rowCodes[code].zh} / ${rowCodes[code].en}`
