// What the filter language and the query language have in common.

/** Operators that are signs, longest first, and what they mean. */
export const signs: readonly (readonly [sign: string, operator: string])[] = [
  ['>=', 'gte'], ['<=', 'lte'], ['!=', 'neq'], ['==', 'eq'], ['=', 'eq'], ['>', 'gt'], ['<', 'lt'], ['~', 'matches'],
]

/** Operators that are words. */
export const operatorWords = ['contains', 'icontains', 'starts_with', 'in', 'not_in', 'between', 'exists', 'matches', 'eq', 'neq', 'gt', 'gte', 'lt', 'lte'] as const

/** Operators that take several values. */
export const listOperators: readonly string[] = ['in', 'not_in', 'between']

/** The fields of every event, as completion offers them. */
export const envelopeFields = [
  'event_type', 'category', 'severity', 'stream_id', 'actor', 'subject', 'timestamp', 'recorded_at', 'id', 'position', 'sequence_number',
] as const

const numeric = new Set(['sequence_number', 'sequenceNumber', 'position', 'importance', 'severity', 'timestamp', 'recorded_at', 'recordedAt', 'created_at'])

/** Whether a literal after the field keeps its JSON type; else it is text, as in actor = 12. */
export function takesJson(field: string): boolean {
  return numeric.has(field) || /^(payload|metadata|detail|data|event_data)\b/.test(field)
}
