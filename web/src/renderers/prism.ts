// Prism's core under the global name that its grammars look for.
import Prism from 'prismjs/components/prism-core.js'
;(window as { Prism?: unknown }).Prism = Prism
export default Prism
