import type { Page } from './registry.ts'

/** Every page, in the order of the header. */
export const pages: readonly Page[] = []
