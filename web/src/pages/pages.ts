import type { Page } from './registry.ts'

const reads = (may: (permission: string) => boolean) => may('events:read')

/** Every page, in the order of the header. */
export const pages: readonly Page[] = [
  { path: 'requests', title: 'Requests', shown: reads, load: () => import('./requests/RequestsPage.tsx') },
  { path: 'figures', title: 'Figures', shown: reads, load: () => import('./figures/FiguresPage.tsx') },
  { path: 'catalog', title: 'Catalog', shown: reads, load: () => import('./catalog/CatalogPage.tsx') },
  { path: 'targets', title: 'Targets', shown: (may) => may('targets:manage'), load: () => import('./targets/TargetsPage.tsx') },
  { path: 'retention', title: 'Retention', shown: reads, load: () => import('./retention/RetentionPage.tsx') },
  { path: 'keys', title: 'Keys', shown: (may) => may('keys:manage'), load: () => import('./keys/KeysPage.tsx') },
]
