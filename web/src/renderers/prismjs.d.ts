declare module 'prismjs/components/prism-core.js' {
  namespace Prism {
    interface Token {
      type: string
      content: string | Token | (string | Token)[]
    }
    type Grammar = Readonly<Record<string, unknown>>
    const languages: Readonly<Record<string, Grammar | undefined>>
    function tokenize(text: string, grammar: Grammar): (string | Token)[]
  }
  export default Prism
}
declare module 'prismjs/components/prism-markup.js'
declare module 'prismjs/components/prism-clike.js'
declare module 'prismjs/components/prism-sql.js'
declare module 'prismjs/components/prism-json.js'
